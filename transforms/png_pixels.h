#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/transforms/png_chunks.h"

namespace millrace {

/// Turns the samples of a PNG row into RGB as Pillow does.
class PngPixels {
 public:
  /// `palette`: RGB triples, at most 256; colours that it lacks are black.
  PngPixels(PngMode mode, std::span<const std::uint8_t> palette);

  std::size_t bits_per_pixel() const { return bits_; }

  /// Sets `count` RGB triples to what pixel value 0 stands for.
  void fill_empty(std::uint8_t* rgb, int count) const;

  /// Unpacks `count` pixels to RGB triples that are `step_bytes` apart.
  void unpack(const std::uint8_t* packed, int count, std::uint8_t* rgb,
              std::size_t step_bytes) const;

 private:
  PngMode mode_;
  std::size_t bits_;
  std::array<std::uint8_t, 768> colours_{};  ///< what a sample of at most 8 bits stands for
};

}  // namespace millrace
