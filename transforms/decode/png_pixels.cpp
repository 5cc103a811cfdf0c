#include "millrace/transforms/decode/png_pixels.h"

#include <algorithm>
#include <cstring>

#include "millrace/transforms/decode/alpha.h"
#include "millrace/transforms/native_image.h"

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

tl::unexpected<Error> too_many_alphas() {
  return bad_png("chunk tRNS speaks of more than 256 colours");
}

void set_gray(std::uint8_t* rgb, std::uint8_t value) { rgb[0] = rgb[1] = rgb[2] = value; }

}  // namespace

PngPixels::PngPixels(PngMode mode, std::span<const std::uint8_t> palette)
    : mode_(mode), bits_(bits_of(mode)) {
  if (is_palette(mode)) {
    const std::size_t whole = std::min<std::size_t>(palette.size() / 3 * 3, colours_.size());
    std::copy_n(palette.begin(), whole, colours_.begin());
  } else if (bits_ <= 8) {
    const std::size_t values = std::size_t{1} << bits_;
    for (std::size_t i = 0; i < values; ++i) {
      set_gray(&colours_[3 * i], static_cast<std::uint8_t>(i * 255 / (values - 1)));
    }
  }
}

Result<void> PngPixels::composite(const PngTransparency& transparency,
                                  const std::array<std::uint8_t, 3>& background) {
  using Kind = PngTransparency::Kind;
  background_ = background;
  composites_ = has_alpha_channel(mode_);
  has_key_ = false;
  std::array<std::uint8_t, 256> alphas{};
  alphas.fill(255);
  if (transparency.kind == Kind::palette_alphas && is_palette(mode_)) {
    if (transparency.alphas.size() > alphas.size()) return too_many_alphas();
    std::copy(transparency.alphas.begin(), transparency.alphas.end(), alphas.begin());
  } else if (transparency.kind == Kind::palette_index && is_palette(mode_)) {
    if (transparency.index >= alphas.size()) return too_many_alphas();
    alphas[transparency.index] = 0;
  } else if (transparency.kind == Kind::gray || transparency.kind == Kind::rgb) {
    // Pillow compares with pixels of 8 bits, whatever the file has, and takes of the key as many.
    for (std::size_t c = 0; c < 3; ++c) key_[c] = static_cast<std::uint8_t>(transparency.key[c]);
    has_key_ = bits_ > 8 && !composites_;
    if (bits_ <= 8) {
      for (std::size_t i = 0; i < alphas.size(); ++i) {
        if (colours_[3 * i] == key_[0]) alphas[i] = 0;
      }
    }
  }
  if (bits_ > 8) return {};
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    composite_pixel(&colours_[3 * i], alphas[i], background, &colours_[3 * i]);
  }
  return {};
}

void PngPixels::fill_empty(std::uint8_t* rgb, int count) const {
  std::array<std::uint8_t, 3> colour{};
  if (take_ != Take::rgb) {
    // Without colour, and transparent.
  } else if (bits_ <= 8) {
    std::copy_n(colours_.begin(), 3, colour.begin());
  } else if (composites_ || (has_key_ && key_ == colour)) {
    colour = background_;
  }
  if ((colour[0] | colour[1] | colour[2]) == 0) {
    std::memset(rgb, 0, static_cast<std::size_t>(count) * 3);
    return;
  }
  for (int i = 0; i < count; ++i, rgb += 3) std::copy_n(colour.data(), 3, rgb);
}

void PngPixels::unpack_keyed(const std::uint8_t* packed, std::size_t pixels, std::uint8_t* rgb,
                             std::size_t step_bytes) const {
  const std::size_t pixel_bytes = bits_ / 8;
  const std::size_t sample_bytes = mode_ == PngMode::rgb16 ? 2 : 1;
  for (std::size_t i = 0; i < pixels; ++i, rgb += step_bytes, packed += pixel_bytes) {
    if (mode_ == PngMode::gray16) {
      set_gray(rgb, clip_gray16(packed[0], packed[1]));
    } else {
      for (std::size_t c = 0; c < 3; ++c) rgb[c] = packed[c * sample_bytes];
    }
    if (std::equal(key_.begin(), key_.end(), rgb)) std::copy_n(background_.begin(), 3, rgb);
  }
}

void PngPixels::unpack_blended(const std::uint8_t* packed, std::size_t pixels, std::uint8_t* rgb,
                               std::size_t step_bytes) const {
  const std::size_t pixel_bytes = bits_ / 8;
  const bool is_deep = mode_ == PngMode::gray_alpha16 || mode_ == PngMode::rgba16;
  const bool is_gray = mode_ == PngMode::gray_alpha8 || mode_ == PngMode::gray_alpha16;
  const std::size_t sample_bytes = is_deep ? 2 : 1;
  for (std::size_t i = 0; i < pixels; ++i, rgb += step_bytes, packed += pixel_bytes) {
    std::array<std::uint8_t, 3> colour{};
    for (std::size_t c = 0; c < 3; ++c) colour[c] = packed[is_gray ? 0 : c * sample_bytes];
    composite_pixel(colour.data(), packed[(is_gray ? 1 : 3) * sample_bytes], background_, rgb);
  }
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
  if (composites_) return unpack_blended(packed, pixels, rgb, step_bytes);
  if (has_key_) return unpack_keyed(packed, pixels, rgb, step_bytes);
  if (mode_ == PngMode::rgb8 && step_bytes == 3) {
    std::memcpy(rgb, packed, pixels * 3);
    return;
  }
  const std::size_t pixel_bytes = bits_ / 8;
  for (std::size_t i = 0; i < pixels; ++i, rgb += step_bytes, packed += pixel_bytes) {
    if (take_ == Take::alpha) {
      set_gray(rgb, packed[mode_ == PngMode::gray_alpha8 ? 1
                           : mode_ == PngMode::rgba8     ? 3
                           : mode_ == PngMode::rgba16    ? 6
                                                         : 2]);
      continue;
    }
    if (take_ == Take::gray16) {
      rgb[0] = packed[0];
      rgb[1] = packed[1];
      rgb[2] = 0;
      continue;
    }
    switch (mode_) {
      case PngMode::gray16:
        set_gray(rgb, clip_gray16(packed[0], packed[1]));
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
