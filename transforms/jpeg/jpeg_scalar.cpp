// The twins without vectors of the inverse transform and of the conversion to RGB.

#include <algorithm>
#include <array>

#include "millrace/transforms/jpeg/jpeg_color.h"
#include "millrace/transforms/jpeg/jpeg_entropy.h"
#include "millrace/transforms/jpeg/jpeg_idct.h"

namespace millrace::jpeg {
namespace {

/// 16 bits that wrap.
std::int32_t wrap(std::int32_t v) { return static_cast<std::int16_t>(v); }

/// Sums that wrap at 32 bits.
std::uint32_t times(std::int32_t v, int factor) {
  return static_cast<std::uint32_t>(v) * static_cast<std::uint32_t>(factor);
}

/// jidctint's transform of 8 values, `step` apart, with results saturated to 16 bits.
void transform_line(std::int16_t* values, std::size_t step, int shift) {
  std::array<std::int32_t, 8> v;
  for (std::size_t i = 0; i < 8; ++i) v[i] = values[i * step];
  const std::uint32_t tmp0 = times(wrap(v[0] + v[4]), 8192);
  const std::uint32_t tmp1 = times(wrap(v[0] - v[4]), 8192);
  const std::uint32_t tmp2 = times(v[2], 4433) + times(v[6], -10704);
  const std::uint32_t tmp3 = times(v[2], 10703) + times(v[6], 4433);
  const std::int32_t sum3 = wrap(v[7] + v[3]);
  const std::int32_t sum4 = wrap(v[5] + v[1]);
  const std::uint32_t z3 = times(sum3, -6436) + times(sum4, 9633);
  const std::uint32_t z4 = times(sum3, 9633) + times(sum4, 6437);
  const std::array<std::uint32_t, 4> odd = {
      times(v[7], -4927) + times(v[1], -7373) + z3, times(v[5], -4176) + times(v[3], -20995) + z4,
      times(v[5], -20995) + times(v[3], 4177) + z3, times(v[7], -7373) + times(v[1], 4926) + z4};
  const std::array<std::uint32_t, 4> even = {tmp0 + tmp3, tmp1 + tmp2, tmp1 - tmp2, tmp0 - tmp3};
  const std::uint32_t rounding = 1U << (shift - 1);
  const auto narrow = [shift](std::uint32_t sum) {
    return static_cast<std::int16_t>(
        std::clamp(static_cast<std::int32_t>(sum) >> shift, -32768, 32767));
  };
  for (std::size_t i = 0; i < 4; ++i) {
    values[i * step] = narrow(even[i] + odd[3 - i] + rounding);
    values[(7 - i) * step] = narrow(even[i] - odd[3 - i] + rounding);
  }
}

int blend_down(const SampleRow& row, std::size_t c, std::size_t x, Upsampling upsampling) {
  const int near = row.near[c][x];
  if (upsampling == Upsampling::none || upsampling == Upsampling::h2) return near;
  return 3 * near + row.far[c][x];
}

/// A sample of the second or third component at full size.
int upsample(const SampleRow& row, std::size_t c, std::size_t x, Upsampling upsampling) {
  const bool right = x % 2 != 0;
  switch (upsampling) {
    case Upsampling::none:
      return row.near[c][x];
    case Upsampling::v2:
      return (blend_down(row, c, x, upsampling) + (row.far_is_below ? 2 : 1)) >> 2;
    case Upsampling::h2:
    case Upsampling::h2v2:
      break;
  }
  const std::uint8_t* near = row.near[c] + x / 2;
  const std::uint8_t* near_beside = right ? near + 1 : near - 1;
  if (upsampling == Upsampling::h2) return (3 * *near + *near_beside + (right ? 2 : 1)) >> 2;
  const std::uint8_t* far = row.far[c] + x / 2;
  const std::uint8_t* far_beside = right ? far + 1 : far - 1;
  const int sum = 3 * *near + *far;
  const int beside = 3 * *near_beside + *far_beside;
  return (3 * sum + beside + (right ? 7 : 8)) >> 4;
}

std::uint8_t clip(int v) { return static_cast<std::uint8_t>(std::clamp(v, 0, 255)); }

}  // namespace

bool inverse_transform_scalar(std::int16_t* tiles, std::size_t tile_count,
                              const Dequantization& table, std::uint8_t* samples,
                              std::size_t stride_bytes) {
  constexpr std::size_t kRowStep = 8 * kTileBlocks;
  bool fits = true;
  for (std::size_t block = 0; block < tile_count * kTileBlocks; ++block) {
    std::int16_t* from = tiles + block / kTileBlocks * kTileCoefficients + block % kTileBlocks * 8;
    std::array<std::int16_t, 64> v;
    for (std::size_t i = 0; i < 64; ++i) {
      std::int16_t& coefficient = from[i / 8 * kRowStep + i % 8];
      v[i] = static_cast<std::int16_t>(coefficient * table.factors[i]);
      coefficient = 0;
    }
    for (std::size_t x = 0; x < 8; ++x) {
      if (v[x] > 8191 || v[x] < -8191) fits = false;
      transform_line(&v[x], 8, 11);
    }
    for (std::size_t y = 0; y < 8; ++y) {
      transform_line(&v[8 * y], 1, 18);
      for (std::size_t x = 0; x < 8; ++x) {
        samples[y * stride_bytes + block * 8 + x] = clip(v[8 * y + x] + 128);
      }
    }
  }
  return fits;
}

void convert_row_scalar(Colors colors, Upsampling upsampling, const SampleRow& row,
                        std::size_t width, std::uint8_t* rgb) {
  for (std::size_t x = 0; x < width; ++x, rgb += 3) {
    const int y = row.first[x];
    if (colors == Colors::gray) {
      std::fill_n(rgb, 3, row.first[x]);
      continue;
    }
    const int second = upsample(row, 0, x, upsampling);
    const int third = upsample(row, 1, x, upsampling);
    if (colors == Colors::rgb) {
      rgb[0] = row.first[x];
      rgb[1] = static_cast<std::uint8_t>(second);
      rgb[2] = static_cast<std::uint8_t>(third);
      continue;
    }
    // jdcolor.c, with 16 fractional bits.
    const int cb = second - 128;
    const int cr = third - 128;
    rgb[0] = clip(y + ((91881 * cr + 32768) >> 16));
    rgb[1] = clip(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
    rgb[2] = clip(y + ((116130 * cb + 32768) >> 16));
  }
}

}  // namespace millrace::jpeg
