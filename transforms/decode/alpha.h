#pragma once

#include <array>
#include <cstdint>

namespace millrace {

/// One channel of a pixel of opacity `alpha` over an opaque background, as Pillow's alpha_composite
/// (and its paste with a mask, which gives the same): rounded to nearest.
inline std::uint8_t composite_channel(int pixel, int alpha, int background) {
  const int sum = pixel * alpha + background * (255 - alpha) + 128;
  return static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);
}

/// RGB may be written over the beginning of RGBA.
inline void composite_pixel(const std::uint8_t* rgb_in, int alpha,
                            const std::array<std::uint8_t, 3>& background, std::uint8_t* rgb) {
  for (std::size_t c = 0; c < 3; ++c) rgb[c] = composite_channel(rgb_in[c], alpha, background[c]);
}

}  // namespace millrace
