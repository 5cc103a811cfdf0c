#include "millrace/transforms/resize/resize_scalar.h"

#include <algorithm>
#include <cstddef>

namespace millrace {
namespace {

constexpr std::uint32_t kRounding = 1U << (ResizeWeights::kFractionBits - 1);

/// Sums are taken modulo 2^32, so that no weights can make them overflow.
std::uint8_t to_byte(std::uint32_t sum) {
  return static_cast<std::uint8_t>(
      std::clamp(static_cast<std::int32_t>(sum) >> ResizeWeights::kFractionBits, 0, 255));
}

}  // namespace

void resize_scalar(ImageView input, const ResizeWeights& horizontal, const ResizeWeights& vertical,
                   MutableImageView output, std::vector<std::uint8_t>& scratch) {
  const std::size_t row_bytes = static_cast<std::size_t>(output.width) * 3;
  const int rows = std::max(0, vertical.last - vertical.first);
  scratch.resize(row_bytes * static_cast<std::size_t>(rows));
  std::uint8_t* out = scratch.data();
  for (int y = vertical.first; y < vertical.last; ++y) {
    for (int x = 0; x < output.width; ++x, out += 3) {
      const ResizeWeights::Taps taps = horizontal.taps[static_cast<std::size_t>(x)];
      const std::int32_t* weights = horizontal.row(x);
      const std::uint8_t* in = input.row(y) + static_cast<std::ptrdiff_t>(taps.first) * 3;
      std::uint32_t sums[3] = {kRounding, kRounding, kRounding};
      for (int t = 0; t < taps.count; ++t, in += 3) {
        for (int c = 0; c < 3; ++c) sums[c] += in[c] * static_cast<std::uint32_t>(weights[t]);
      }
      for (int c = 0; c < 3; ++c) out[c] = to_byte(sums[c]);
    }
  }
  for (int y = 0; y < output.height; ++y) {
    const ResizeWeights::Taps taps = vertical.taps[static_cast<std::size_t>(y)];
    const std::int32_t* weights = vertical.row(y);
    const std::uint8_t* in =
        scratch.data() + static_cast<std::size_t>(taps.first - vertical.first) * row_bytes;
    for (std::size_t x = 0; x < row_bytes; ++x) {
      std::uint32_t sum = kRounding;
      for (int t = 0; t < taps.count; ++t) {
        sum += in[static_cast<std::size_t>(t) * row_bytes + x] *
               static_cast<std::uint32_t>(weights[t]);
      }
      output.row(y)[x] = to_byte(sum);
    }
  }
}

}  // namespace millrace
