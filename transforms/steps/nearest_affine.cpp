#include "millrace/transforms/steps/nearest_affine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace millrace {
namespace {

constexpr double kPi = 3.14159265358979323846;

double radians(double degrees) { return degrees * (kPi / 180.0); }
double degrees_of(double angle) { return angle * (180.0 / kPi); }

/// Python's round(number, 15).
double rounded_to_15_digits(double number) {
  std::array<char, 40> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                     std::chars_format::fixed, 15);
  std::from_chars(digits.data(), written.ptr, number);
  return number;
}

bool is_within(std::int64_t at, int size) { return at >= 0 && at < size; }

void fill_pixels(std::uint8_t* pixel, int count, const std::array<std::uint8_t, 3>& fill) {
  for (int x = 0; x < count; ++x, pixel += 3) std::memcpy(pixel, fill.data(), 3);
}

/// Position in 2^-16ths of a pixel.
struct FixedPoint {
  std::int64_t x = 0;
  std::int64_t y = 0;

  bool is_in(ImageView image) const {
    return is_within(x >> 16, image.width) && is_within(y >> 16, image.height);
  }
  const std::uint8_t* pixel_of(ImageView image) const {
    return image.row(static_cast<int>(y >> 16)) + (x >> 16) * 3;
  }
};

std::int64_t fixed(double number) {
  return static_cast<std::int64_t>(std::floor(number * 65536.0 + 0.5));
}

/// Of all pixels, those that come from within the image are one run in each row.
void transform_fixed(const AffineMatrix& m, const std::array<std::uint8_t, 3>& fill, ImageView from,
                     MutableImageView to) {
  const FixedPoint step{fixed(m[0]), fixed(m[3])};
  const FixedPoint row_step{fixed(m[1]), fixed(m[4])};
  FixedPoint begin{fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), fixed(m[5] + m[3] * 0.5 + m[4] * 0.5)};
  for (int row = 0; row < to.height; ++row, begin.x += row_step.x, begin.y += row_step.y) {
    const auto at = [&](int x) { return FixedPoint{begin.x + step.x * x, begin.y + step.y * x}; };
    int first = 0;
    while (first < to.width && !at(first).is_in(from)) ++first;
    int end = to.width;
    while (end > first && !at(end - 1).is_in(from)) --end;
    std::uint8_t* pixel = to.row(row);
    fill_pixels(pixel, first, fill);
    fill_pixels(pixel + std::ptrdiff_t{3} * end, to.width - end, fill);
    pixel += std::ptrdiff_t{3} * first;
    FixedPoint point = at(first);
    for (int x = first; x < end; ++x, pixel += 3, point.x += step.x, point.y += step.y) {
      std::memcpy(pixel, point.pixel_of(from), 3);
    }
  }
}

/// Images so large that 16.16 bits cannot say where a pixel lies.
void transform_floating(const AffineMatrix& m, const std::array<std::uint8_t, 3>& fill,
                        ImageView from, MutableImageView to) {
  double row_x = m[2] + m[1] * 0.5 + m[0] * 0.5;
  double row_y = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (int row = 0; row < to.height; ++row, row_x += m[1], row_y += m[4]) {
    std::uint8_t* pixel = to.row(row);
    double x = row_x;
    double y = row_y;
    for (int column = 0; column < to.width; ++column, pixel += 3, x += m[0], y += m[3]) {
      const bool is_in = x >= 0 && y >= 0 && x < from.width && y < from.height;
      const std::uint8_t* source =
          is_in ? from.row(static_cast<int>(y)) + std::ptrdiff_t{3} * static_cast<int>(x)
                : fill.data();
      std::memcpy(pixel, source, 3);
    }
  }
}

}  // namespace

AffineMatrix shear_right(double share) {
  return {1, std::tan(radians(degrees_of(std::atan(share)))), 0, 0, 1, 0};
}

AffineMatrix shear_down(double share) {
  const double angle = radians(degrees_of(std::atan(share)));
  return {1, 0, 0, std::sin(angle) / std::cos(angle), 1, 0};
}

AffineMatrix rotation(double degrees, ImageSize size) {
  degrees = std::fmod(degrees, 360.0);
  if (degrees < 0) degrees += 360.0;
  const double angle = -radians(degrees);
  const double cosine = rounded_to_15_digits(std::cos(angle));
  const double sine = rounded_to_15_digits(std::sin(angle));
  const double x = size.width / 2.0;
  const double y = size.height / 2.0;
  return {cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y};
}

void transform_nearest(const AffineMatrix& matrix, const std::array<std::uint8_t, 3>& fill,
                       ImageView from, MutableImageView to) {
  const auto& m = matrix;
  const auto fits = [&](int x, int y) {
    return std::abs(x * m[0] + y * m[1] + m[2]) < 32768.0 &&
           std::abs(x * m[3] + y * m[4] + m[5]) < 32768.0;
  };
  if (fits(0, 0) && fits(to.width, to.height) && fits(0, to.height) && fits(to.width, 0)) {
    transform_fixed(m, fill, from, to);
  } else {
    transform_floating(m, fill, from, to);
  }
}

void translate(int right, int down, const std::array<std::uint8_t, 3>& fill, ImageView from,
               MutableImageView to) {
  const int first = std::clamp(right, 0, to.width);
  const int end = std::clamp(to.width + right, first, to.width);
  for (int y = 0; y < to.height; ++y) {
    const bool is_in = is_within(y - down, from.height) && end > first;
    fill_pixels(to.row(y), is_in ? first : to.width, fill);
    if (!is_in) continue;
    std::memcpy(to.row(y) + std::ptrdiff_t{3} * first,
                from.row(y - down) + std::ptrdiff_t{3} * (first - right),
                static_cast<std::size_t>(end - first) * 3);
    fill_pixels(to.row(y) + std::ptrdiff_t{3} * end, to.width - end, fill);
  }
}

}  // namespace millrace
