#pragma once

#include <algorithm>
#include <cstdint>

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// What an image's pixels are in its file, in as far as a resize there is another than one of RGB:
/// Pillow's modes.
enum class NativeMode : std::uint8_t {
  rgb,      ///< RGB and L: a resize of RGB is the same
  palette,  ///< P and 1: always resized by nearest
  alpha,    ///< RGBA and LA: resized with their colours multiplied by their opacity
  cmyk,     ///< four channels
  gray16,   ///< I;16: 16 bits
};

/// An image in its native mode. All but rgb have planes, as large as the image.
struct NativeImage {
  NativeMode mode = NativeMode::rgb;
  /// RGB of palette and alpha; C, M, Y; of gray16 the high byte, the low byte, and nothing.
  ImageView color;
  /// Alpha, or K, thrice; without data for palette and gray16.
  ImageView fourth;
  /// Of palette: 256 RGB triples.
  const std::uint8_t* palette = nullptr;
};

/// RGB, and what it was made of where DecodeOptions::color_mode asks for that.
struct DecodedImage : ImageView {
  NativeImage native;

  DecodedImage() = default;
  // RGB alone is an image, too. NOLINTNEXTLINE(google-explicit-constructor)
  DecodedImage(ImageView rgb, const NativeImage& own = {}) : ImageView(rgb), native(own) {}
};

/// Of its RGB.
inline ImageView part_of(const DecodedImage& image, const ImageWindow& window) {
  return part_of<ImageView>(image, window);
}

/// The planes of an image, to be written; `fourth` without data where the mode has none.
struct NativePlanes {
  MutableImageView color;
  MutableImageView fourth;
};

/// Memory of the planes, kept from image to image.
struct NativeBuffers {
  PixelBuffer color;
  PixelBuffer fourth;
};

/// 16-bit gray to a byte, as Pillow's convert: clipped, not scaled.
inline std::uint8_t clip_gray16(std::uint8_t high, std::uint8_t low) {
  return high != 0 ? 255 : low;
}

/// a * b / 255, rounded, as Pillow's MULDIV255.
inline int multiply_bytes(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// A pixel of CMYK (0: no ink) to RGB, as Pillow's convert.
inline void cmyk_to_rgb(const std::uint8_t* cmy, int black, std::uint8_t* rgb) {
  const int light = 255 - black;
  for (int c = 0; c < 3; ++c) {
    rgb[c] = static_cast<std::uint8_t>(std::clamp(light - multiply_bytes(cmy[c], light), 0, 255));
  }
}

}  // namespace millrace
