#include "millrace/transforms/output/normalize.h"

#include <cmath>
#include <cstddef>
#include <cstring>

namespace millrace {

namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

constexpr std::array<std::array<std::uint8_t, 256>, 3> identity_table() {
  std::array<std::array<std::uint8_t, 256>, 3> table{};
  for (auto& channel : table) {
    for (std::size_t value = 0; value < 256; ++value) {
      channel[value] = static_cast<std::uint8_t>(value);
    }
  }
  return table;
}

constexpr std::array<std::array<std::uint8_t, 256>, 3> kIdentity = identity_table();

}  // namespace

std::uint16_t to_float16(float value) {
  constexpr float kInfiniteFrom = 65520;
  constexpr float kSmallestNormal = 0x1p-14F;
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude >= kInfiniteFrom) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < kSmallestNormal) {
    // The last bit of a float at 0.5 is worth as much as that of a small float16.
    return static_cast<std::uint16_t>(sign | (bits_of(magnitude + 0.5F) - bits_of(0.5F)));
  }
  constexpr std::uint32_t kExponentBias = (127U - 15U) << 23;
  const std::uint32_t rebiased = (bits & 0x7FFFFFFFU) - kExponentBias;
  return static_cast<std::uint16_t>(sign | ((rebiased + 0xFFFU + (rebiased >> 13 & 1U)) >> 13));
}

std::uint16_t to_bfloat16(float value) {
  const std::uint32_t bits = bits_of(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

Normalizer::Normalizer(const ImageOutput& output) : form_{output.dtype, output.layout} {
  output.validate();
  const auto& [mean, std] = output.normalization;
  constants_.unit = Reciprocal::of(255.0F);
  constants_.mean = mean;
  for (std::size_t c = 0; c < 3; ++c) {
    constants_.std[c] = Reciprocal::of(std[c]);
    for (std::size_t value = 0; value < 256; ++value) {
      const auto byte = static_cast<float>(value);
      const float centered = byte / 255.0F - mean[c];
      const float normalized = centered / std[c];
      table_[c][value] = normalized;
      half_table_[c][value] =
          form_.dtype == Dtype::float16 ? to_float16(normalized) : to_bfloat16(normalized);
      const float by_reciprocals = constants_.std[c].divide(constants_.unit.divide(byte) - mean[c]);
      // The kernel knows nothing of infinity either.
      reciprocals_are_exact_ =
          reciprocals_are_exact_ && by_reciprocals == normalized && std::fabs(normalized) < 65504;
    }
  }
}

void Normalizer::normalize(ImageView image, void* output) const {
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  const std::size_t plane = width * height;
  auto* to = static_cast<std::byte*>(output);
  if (image.stride_bytes == width * 3) {
    normalize_pixels(image.data, plane, to, plane);
    return;
  }
  const std::size_t row_values = form_.layout == PixelLayout::hwc ? width * 3 : width;
  for (int y = 0; y < image.height; ++y, to += row_values * dtype_bytes(form_.dtype)) {
    normalize_pixels(image.row(y), width, to, plane);
  }
}

void Normalizer::normalize_pixels(const std::uint8_t* rgb, std::size_t count, std::byte* output,
                                  std::size_t plane) const {
  if (form_ == PixelForm{Dtype::uint8, PixelLayout::hwc}) {
    std::memcpy(output, rgb, count * 3);
    return;
  }
  const bool by_vectors = reciprocals_are_exact_ || form_.dtype == Dtype::uint8;
  const std::size_t done =
      by_vectors ? normalize_with_vectors(rgb, count, form_, output, plane, constants_) : 0;
  rgb += done * 3;
  count -= done;
  output += done * dtype_bytes(form_.dtype) * (form_.layout == PixelLayout::hwc ? 3 : 1);
  switch (form_.dtype) {
    case Dtype::uint8:
      return look_up(kIdentity, rgb, count, output, plane);
    case Dtype::float32:
      return look_up(table_, rgb, count, output, plane);
    default:
      return look_up(half_table_, rgb, count, output, plane);
  }
}

template <typename Value>
void Normalizer::look_up(const std::array<std::array<Value, 256>, 3>& table,
                         const std::uint8_t* rgb, std::size_t count, std::byte* output,
                         std::size_t plane) const {
  auto* values = reinterpret_cast<Value*>(output);
  const bool interleaved = form_.layout == PixelLayout::hwc;
  const std::size_t pixel_step = interleaved ? 3 : 1;
  const std::size_t channel_step = interleaved ? 1 : plane;
  for (std::size_t i = 0; i < count; ++i, rgb += 3) {
    for (std::size_t c = 0; c < 3; ++c) {
      values[i * pixel_step + c * channel_step] = table[c][rgb[c]];
    }
  }
}

}  // namespace millrace
