#include "millrace/transforms/resize_geometry.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace millrace {
namespace {

int half_rounded_to_even(int difference) {
  const int half = difference / 2;
  return difference % 2 == 0 ? half : half + half % 2;
}

// Of the whole numbers beside `number` the one that `error` is smaller of, the lower one if equal.
template <typename ErrorOf>
int rounded_by(double number, const ErrorOf& error) {
  const double low = std::floor(number);
  const double high = std::ceil(number);
  return std::max(static_cast<int>(error(low) <= error(high) ? low : high), 1);
}

}  // namespace

Result<Resizer::Geometry> shorter_side_center_crop(int width, int height, int size) {
  if (width < 1 || height < 1) return fail(Reason::bad_image, "the image has no pixels");
  const bool wide = height <= width;
  const std::int64_t shorter = wide ? height : width;
  const std::int64_t longer = wide ? width : height;
  const std::int64_t resized = size * longer / shorter;
  if (resized > (std::int64_t{1} << 30)) {
    return fail(Reason::bad_image, "the image is too narrow to be resized");
  }
  Resizer::Geometry geometry;
  geometry.full_width = wide ? static_cast<int>(resized) : size;
  geometry.full_height = wide ? size : static_cast<int>(resized);
  geometry.crop_left = half_rounded_to_even(geometry.full_width - size);
  geometry.crop_top = half_rounded_to_even(geometry.full_height - size);
  return geometry;
}

ImageSize thumbnail_size(int width, int height, int side) {
  if (width <= side && height <= side) return {width, height};
  const double aspect = static_cast<double>(width) / height;
  if (aspect <= 1) {
    return {rounded_by(side * aspect, [&](double n) { return std::abs(aspect - n / side); }), side};
  }
  return {side, rounded_by(side / aspect,
                           [&](double n) { return n == 0 ? 0 : std::abs(aspect - side / n); })};
}

}  // namespace millrace
