#include "millrace/transforms/resize/resize_gray16.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace millrace {
namespace {

/// To the nearest whole number, halves away from zero, clipped.
std::uint16_t rounded(double sum) {
  return static_cast<std::uint16_t>(std::clamp(std::floor(sum + 0.5), 0.0, 65535.0));
}

/// An image as one row of numbers after the other.
struct Numbers {
  const std::uint16_t* data;
  std::size_t width;
  std::size_t height;
};

void resize_rows(const Numbers& from, const ExactWeights& weights, std::vector<std::uint16_t>& to) {
  const std::size_t width = weights.taps.size();
  to.resize(width * from.height);
  for (std::size_t y = 0; y < from.height; ++y) {
    const std::uint16_t* row = from.data + y * from.width;
    for (std::size_t x = 0; x < width; ++x) {
      const ResizeWeights::Taps taps = weights.taps[x];
      const double* weight = weights.row(static_cast<int>(x));
      double sum = 0.0;
      for (int t = 0; t < taps.count; ++t) sum += row[taps.first + t] * weight[t];
      to[y * width + x] = rounded(sum);
    }
  }
}

void resize_columns(const Numbers& from, const ExactWeights& weights,
                    std::vector<std::uint16_t>& to) {
  const std::size_t height = weights.taps.size();
  to.resize(from.width * height);
  for (std::size_t y = 0; y < height; ++y) {
    const ResizeWeights::Taps taps = weights.taps[y];
    const double* weight = weights.row(static_cast<int>(y));
    for (std::size_t x = 0; x < from.width; ++x) {
      const std::uint16_t* column = from.data + x;
      double sum = 0.0;
      for (int t = 0; t < taps.count; ++t) {
        sum += column[static_cast<std::size_t>(taps.first + t) * from.width] * weight[t];
      }
      to[y * from.width + x] = rounded(sum);
    }
  }
}

}  // namespace

void Gray16Resizer::resize(ImageView input, const ResizeAxes& axes, MutableImageView output) {
  const auto width = static_cast<std::size_t>(input.width);
  const auto height = static_cast<std::size_t>(input.height);
  input_.resize(width * height);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* row = input.row(static_cast<int>(y));
    for (std::size_t x = 0; x < width; ++x) {
      input_[y * width + x] = static_cast<std::uint16_t>(row[3 * x] << 8 | row[3 * x + 1]);
    }
  }
  Numbers numbers{input_.data(), width, height};
  const auto along_x = [&](std::vector<std::uint16_t>& to) {
    if (axes.columns.is_identity()) return;
    compute_exact_weights(axes.columns, columns_);
    resize_rows(numbers, columns_, to);
    numbers = {to.data(), columns_.taps.size(), numbers.height};
  };
  const auto along_y = [&](std::vector<std::uint16_t>& to) {
    if (axes.rows.is_identity()) return;
    compute_exact_weights(axes.rows, rows_);
    resize_columns(numbers, rows_, to);
    numbers = {to.data(), numbers.width, rows_.taps.size()};
  };
  if (axes.begin_with_rows()) {
    along_y(middle_);
    along_x(output_);
  } else {
    along_x(middle_);
    along_y(output_);
  }
  for (int y = 0; y < output.height; ++y) {
    const std::uint16_t* from = numbers.data + static_cast<std::size_t>(y) * numbers.width;
    std::uint8_t* to = output.row(y);
    for (int x = 0; x < output.width; ++x, to += 3) {
      to[0] = static_cast<std::uint8_t>(from[x] >> 8);
      to[1] = static_cast<std::uint8_t>(from[x] & 255);
      to[2] = 0;
    }
  }
}

}  // namespace millrace
