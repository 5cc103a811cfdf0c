#pragma once

#include <algorithm>
#include <cstdint>

namespace millrace {

// Pillow's arithmetic, a pixel at a time: what the kernels do with the pixels that no vector takes,
// and what they are compared with.

/// Pillow's "L" of RGB: ITU-R 601-2 luma with weights of 16 bits.
constexpr std::uint8_t luma_of(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

/// Pillow's Image.blend: `from` at 0, `to` at 1, beyond both outside; in float32, cut off.
inline std::uint8_t blended(int from, int to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
}

/// One pixel through Pillow's convert("HSV"), `shift` more of hue (modulo 256), and back.
void shift_hue_of(std::uint8_t* rgb, std::uint8_t shift);

}  // namespace millrace
