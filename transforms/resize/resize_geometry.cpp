#include "millrace/transforms/resize/resize_geometry.h"

#include <algorithm>
#include <cmath>

namespace millrace {
namespace {

// Of the whole numbers beside `number` the one that `error` is smaller of, the lower one if equal.
template <typename ErrorOf>
int rounded_by(double number, const ErrorOf& error) {
  const double low = std::floor(number);
  const double high = std::ceil(number);
  return std::max(static_cast<int>(error(low) <= error(high) ? low : high), 1);
}

}  // namespace

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
