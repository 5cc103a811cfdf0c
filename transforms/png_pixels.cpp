#include "millrace/transforms/png_pixels.h"

#include <algorithm>
#include <cstring>

namespace millrace {
namespace {

std::size_t bits_of(PngMode mode) {
  switch (mode) {
    case PngMode::gray1:
    case PngMode::palette1:
      return 1;
    case PngMode::gray2:
    case PngMode::palette2:
      return 2;
    case PngMode::gray4:
    case PngMode::palette4:
      return 4;
    case PngMode::gray16:
    case PngMode::gray_alpha8:
      return 16;
    case PngMode::rgb8:
      return 24;
    case PngMode::rgba8:
    case PngMode::gray_alpha16:
      return 32;
    case PngMode::rgb16:
      return 48;
    case PngMode::rgba16:
      return 64;
    case PngMode::gray8:
    case PngMode::palette8:
    case PngMode::none:
      break;
  }
  return 8;
}

void set_gray(std::uint8_t* rgb, std::uint8_t value) { rgb[0] = rgb[1] = rgb[2] = value; }

}  // namespace

PngPixels::PngPixels(PngMode mode, std::span<const std::uint8_t> palette)
    : mode_(mode), bits_(bits_of(mode)) {
  if (mode >= PngMode::palette1 && mode <= PngMode::palette8) {
    const std::size_t whole = std::min<std::size_t>(palette.size() / 3 * 3, colours_.size());
    std::copy_n(palette.begin(), whole, colours_.begin());
  } else if (bits_ <= 8) {
    const std::size_t values = std::size_t{1} << bits_;
    for (std::size_t i = 0; i < values; ++i) {
      set_gray(&colours_[3 * i], static_cast<std::uint8_t>(i * 255 / (values - 1)));
    }
  }
}

void PngPixels::fill_empty(std::uint8_t* rgb, int count) const {
  const bool black = bits_ > 8 || (colours_[0] | colours_[1] | colours_[2]) == 0;
  if (black) {
    std::memset(rgb, 0, static_cast<std::size_t>(count) * 3);
    return;
  }
  for (int i = 0; i < count; ++i, rgb += 3) std::copy_n(colours_.data(), 3, rgb);
}

void PngPixels::unpack(const std::uint8_t* packed, int count, std::uint8_t* rgb,
                       std::size_t step_bytes) const {
  const auto pixels = static_cast<std::size_t>(count);
  if (bits_ <= 8) {
    const std::size_t mask = (std::size_t{1} << bits_) - 1;
    for (std::size_t i = 0; i < pixels; ++i, rgb += step_bytes) {
      const std::size_t bit = i * bits_;
      const std::size_t value = packed[bit / 8] >> (8 - bits_ - bit % 8) & mask;
      std::copy_n(&colours_[3 * value], 3, rgb);
    }
    return;
  }
  if (mode_ == PngMode::rgb8 && step_bytes == 3) {
    std::memcpy(rgb, packed, pixels * 3);
    return;
  }
  const std::size_t pixel_bytes = bits_ / 8;
  for (std::size_t i = 0; i < pixels; ++i, rgb += step_bytes, packed += pixel_bytes) {
    switch (mode_) {
      case PngMode::gray16:
        set_gray(rgb, packed[0] != 0 ? 255 : packed[1]);
        break;
      case PngMode::gray_alpha8:
      case PngMode::gray_alpha16:
        set_gray(rgb, packed[0]);
        break;
      case PngMode::rgb16:
      case PngMode::rgba16:
        rgb[0] = packed[0];
        rgb[1] = packed[2];
        rgb[2] = packed[4];
        break;
      default:
        rgb[0] = packed[0];
        rgb[1] = packed[1];
        rgb[2] = packed[2];
        break;
    }
  }
}

}  // namespace millrace
