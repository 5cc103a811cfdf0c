#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

constexpr std::int64_t kLongestSide = std::int64_t{1} << 30;

/// Python's round(): half to even.
std::int64_t rounded(double number) { return std::llrint(number); }

Result<ImageSize> checked_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1 || width > kLongestSide || height > kLongestSide) {
    return fail(Reason::bad_image, "the image is too narrow to be resized");
  }
  return ImageSize{static_cast<int>(width), static_cast<int>(height)};
}

struct PlacedAxis {
  int first = 0;
  int count = 0;
  int to = 0;
};

PlacedAxis place_axis(CropRounding rounding, int from, int to) {
  const bool to_even = rounding == CropRounding::half_even;
  if (from >= to) {
    const int half = (from - to) / 2;
    return {half + (to_even && (from - to) % 2 != 0 ? half % 2 : 0), to, 0};
  }
  return {0, from, (to - from + (to_even ? 0 : 1)) / 2};
}

void fill_rows(MutableImageView image, const std::array<std::uint8_t, 3>& color, int left, int top,
               int width, int height) {
  for (int y = top; y < top + height; ++y) {
    std::uint8_t* pixel = image.row(y) + static_cast<std::size_t>(left) * 3;
    for (int x = 0; x < width; ++x, pixel += 3) std::memcpy(pixel, color.data(), 3);
  }
}

}  // namespace

Result<ImageSize> resized_size(const Resize& resize, ImageSize size) {
  const double height_ratio = static_cast<double>(size.height) / resize.size.height;
  const double width_ratio = static_cast<double>(size.width) / resize.size.width;
  switch (resize.to) {
    case ResizeTo::exact:
      break;
    case ResizeTo::shortest: {
      const bool is_wide = size.height < size.width;
      const std::int64_t longer = std::int64_t{resize.size.width} *
                                  std::max(size.width, size.height) /
                                  std::min(size.width, size.height);
      return is_wide ? checked_size(longer, resize.size.width)
                     : checked_size(resize.size.width, longer);
    }
    case ResizeTo::longest: {
      const double ratio = std::max(height_ratio, width_ratio);
      return checked_size(rounded(size.width / ratio), rounded(size.height / ratio));
    }
    case ResizeTo::cover: {
      const double ratio = std::min(height_ratio, width_ratio);
      return checked_size(rounded(size.width / ratio), rounded(size.height / ratio));
    }
  }
  return resize.size;
}

CropPlacement place_center_crop(const CenterCrop& crop, ImageSize size) {
  const PlacedAxis columns = place_axis(crop.rounding, size.width, crop.size.width);
  const PlacedAxis rows = place_axis(crop.rounding, size.height, crop.size.height);
  return {{columns.first, rows.first, columns.count, rows.count}, columns.to, rows.to};
}

void fill_around(MutableImageView image, const CropPlacement& placed,
                 const std::array<std::uint8_t, 3>& fill) {
  const int right = placed.left + placed.kept.width;
  const int bottom = placed.top + placed.kept.height;
  fill_rows(image, fill, 0, 0, image.width, placed.top);
  fill_rows(image, fill, 0, bottom, image.width, image.height - bottom);
  fill_rows(image, fill, 0, placed.top, placed.left, placed.kept.height);
  fill_rows(image, fill, right, placed.top, image.width - right, placed.kept.height);
}

void place_pixels(ImageView from, const CropPlacement& placed,
                  const std::array<std::uint8_t, 3>& fill, MutableImageView to) {
  const ImageView kept = part_of(from, placed.kept);
  for (int y = 0; y < kept.height; ++y) {
    std::memcpy(to.row(placed.top + y) + std::size_t{3} * static_cast<std::size_t>(placed.left),
                kept.row(y), std::size_t{3} * static_cast<std::size_t>(kept.width));
  }
  fill_around(to, placed, fill);
}

Result<void> check_step_pixels(ImageSize size, std::uint64_t most) {
  const auto pixels =
      static_cast<std::uint64_t>(size.width) * static_cast<std::uint64_t>(size.height);
  if (pixels <= most) return {};
  return fail(Reason::image_too_large, "resized to " + std::to_string(size.width) + " x " +
                                           std::to_string(size.height) +
                                           " pixels on the way, more than max_image_pixels");
}

ImageWindow draw_crop(const RandomResizedCrop& crop, ImageSize size, RandomNumbers& numbers) {
  constexpr int kTries = 10;
  const auto [least_ratio, most_ratio] = crop.ratio;
  const double area = static_cast<double>(size.width) * size.height;
  const double low = std::log(least_ratio);
  const double high = std::log(most_ratio);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const double wanted = area * numbers.between(crop.scale[0], crop.scale[1]);
    const double aspect = std::exp(numbers.between(low, high));
    const std::int64_t width = rounded(std::sqrt(wanted * aspect));
    const std::int64_t height = rounded(std::sqrt(wanted / aspect));
    if (width < 1 || width > size.width || height < 1 || height > size.height) continue;
    ImageWindow window{0, 0, static_cast<int>(width), static_cast<int>(height)};
    window.top = numbers.below(size.height - window.height + 1);
    window.left = numbers.below(size.width - window.width + 1);
    return window;
  }
  const double aspect = static_cast<double>(size.width) / size.height;
  ImageWindow window{0, 0, size.width, size.height};
  // At least a row or a column, where torchvision would ask Pillow for nothing at all.
  if (aspect < static_cast<double>(least_ratio)) {
    window.height = static_cast<int>(rounded(size.width / static_cast<double>(least_ratio)));
  } else if (aspect > static_cast<double>(most_ratio)) {
    window.width = static_cast<int>(rounded(size.height * static_cast<double>(most_ratio)));
  }
  window.height = std::clamp(window.height, 1, size.height);
  window.width = std::clamp(window.width, 1, size.width);
  window.top = (size.height - window.height) / 2;
  window.left = (size.width - window.width) / 2;
  return window;
}

}  // namespace millrace
