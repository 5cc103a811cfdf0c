#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/png_chunks.h"

namespace millrace {

/// Turns the samples of a PNG row into RGB as Pillow does.
class PngPixels {
 public:
  /// `palette`: RGB triples, at most 256; colours that it lacks are black.
  PngPixels(PngMode mode, std::span<const std::uint8_t> palette);

  /// From now on what is transparent is laid over `background` instead of being made opaque. Error
  /// (bad_image): opacities for more than 256 colours of a palette.
  Result<void> composite(const PngTransparency& transparency,
                         const std::array<std::uint8_t, 3>& background);

  /// What a pixel's three bytes are.
  enum class Take : std::uint8_t {
    rgb,
    alpha,   ///< its opacity, thrice; of modes that have a channel of it
    gray16,  ///< the high and the low byte of 16-bit gray, and 0
  };
  void take(Take what) { take_ = what; }

  /// What a sample of at most 8 bits stands for: RGB of each.
  const std::array<std::uint8_t, 768>& colours() const { return colours_; }

  std::size_t bits_per_pixel() const { return bits_; }

  /// Sets `count` RGB triples to what pixel value 0 stands for.
  void fill_empty(std::uint8_t* rgb, int count) const;

  /// Unpacks `count` pixels to RGB triples that are `step_bytes` apart.
  void unpack(const std::uint8_t* packed, int count, std::uint8_t* rgb,
              std::size_t step_bytes) const;

 private:
  PngMode mode_;
  std::size_t bits_;
  /// The opaque pixel's bytes of RGB or gray, or its background where it is the transparent colour.
  void unpack_keyed(const std::uint8_t* packed, std::size_t pixels, std::uint8_t* rgb,
                    std::size_t step_bytes) const;
  void unpack_blended(const std::uint8_t* packed, std::size_t pixels, std::uint8_t* rgb,
                      std::size_t step_bytes) const;

  std::array<std::uint8_t, 768> colours_{};  ///< what a sample of at most 8 bits stands for
  Take take_ = Take::rgb;
  bool composites_ = false;
  bool has_key_ = false;
  std::array<std::uint8_t, 3> key_{};
  std::array<std::uint8_t, 3> background_{};
};

}  // namespace millrace
