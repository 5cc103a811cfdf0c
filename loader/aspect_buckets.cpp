#include "millrace/loader/aspect_buckets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "millrace/loader/require-inl.h"

namespace millrace {

namespace {

double aspect_of(ImageSize size) { return static_cast<double>(size.width) / size.height; }

std::string exact_text(double number) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), written.ptr};
}

}  // namespace

std::vector<ImageSize> aspect_sizes(int side, int step, double max_aspect) {
  require(step >= 1, "step = " + std::to_string(step) + ": must be at least 1");
  require(side >= step && side <= kLargestImageSide && side % step == 0,
          "side = " + std::to_string(side) + ": must be a multiple of step = " +
              std::to_string(step) + ", at most " + std::to_string(kLargestImageSide));
  require(max_aspect >= 1, "max_aspect = " + std::to_string(max_aspect) + ": must be at least 1");
  std::vector<ImageSize> sizes;
  const std::int64_t area = std::int64_t{side} * side;
  for (std::int64_t longer = side; longer <= kLargestImageSide; longer += step) {
    const std::int64_t shorter = area / longer / step * step;
    if (shorter < 1) break;
    if (static_cast<double>(longer) > max_aspect * static_cast<double>(shorter)) continue;
    const ImageSize wide = {static_cast<int>(longer), static_cast<int>(shorter)};
    sizes.push_back(wide);
    if (longer > side) sizes.insert(sizes.begin(), {wide.height, wide.width});
  }
  return sizes;
}

std::vector<AspectBucket> aspect_buckets(const std::vector<ImageSize>& sizes,
                                         const ImageOutput& output, const std::string& name) {
  std::vector<AspectBucket> buckets;
  for (const ImageSize size : sizes) {
    ImageTransformOptions options;
    options.steps = {Resize{ResizeTo::cover, size, Filter::bicubic}, CenterCrop{size}};
    options.output = output;
    Columns columns;
    columns.emplace_back(name, image(std::string(kImageFields), image_transform(options)));
    buckets.push_back({size, std::move(columns)});
  }
  return buckets;
}

std::vector<std::size_t> buckets_by_aspect(const std::vector<AspectBucket>& buckets) {
  std::vector<std::size_t> order(buckets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return aspect_of(buckets[a].size) < aspect_of(buckets[b].size);
  });
  return order;
}

std::vector<std::string> bucket_conditions(const std::vector<AspectBucket>& buckets) {
  for (const AspectBucket& bucket : buckets) {
    require(bucket.size.width >= 1 && bucket.size.height >= 1,
            "buckets: \"" + bucket_name(bucket) + "\": sides must be at least 1");
  }
  const std::vector<std::size_t> order = buckets_by_aspect(buckets);
  std::size_t squarest = 0;
  double least_off = std::numeric_limits<double>::infinity();
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    const double off = std::abs(std::log(aspect_of(buckets[b].size)));
    if (off < least_off) squarest = b;
    least_off = std::min(least_off, off);
  }
  std::vector<std::string> conditions(buckets.size());
  std::string above;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const AspectBucket& bucket = buckets[order[i]];
    std::string& condition = conditions[order[i]];
    condition = above;
    if (i + 1 < order.size()) {
      const AspectBucket& next = buckets[order[i + 1]];
      require(aspect_of(bucket.size) < aspect_of(next.size), "buckets: \"" + bucket_name(bucket) +
                                                                 "\" and \"" + bucket_name(next) +
                                                                 "\" have one aspect ratio");
      const double border = std::sqrt(aspect_of(bucket.size) * aspect_of(next.size));
      if (!condition.empty()) condition += " and ";
      condition += "image:aspect < " + exact_text(border);
      above = "image:aspect >= " + exact_text(border);
    }
    if (condition.empty()) condition = "image:aspect is present";  // the only bucket
    if (order[i] == squarest) condition += " or image:aspect is absent";
  }
  return conditions;
}

std::string bucket_name(const AspectBucket& bucket) {
  return std::to_string(bucket.size.height) + "x" + std::to_string(bucket.size.width);
}

}  // namespace millrace
