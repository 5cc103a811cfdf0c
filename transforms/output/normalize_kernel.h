#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/output/image_output.h"

namespace millrace {

/// A division by a constant as a product and one fused multiply-add with the two parts of its
/// reciprocal: for the 256 values that occur it can be made to round as the division itself.
struct Reciprocal {
  float high = 0;
  float low = 0;

  static Reciprocal of(float divisor);
  /// The value as the kernel computes it.
  float divide(float value) const;
};

/// What the kernel needs to normalise the bytes of three channels.
struct NormalizeConstants {
  Reciprocal unit;
  std::array<float, 3> mean{};
  std::array<Reciprocal, 3> std;
};

/// What the kernel writes.
struct PixelForm {
  Dtype dtype = Dtype::float32;
  PixelLayout layout = PixelLayout::chw;
  bool operator==(const PixelForm&) const = default;
};

/// Normalises as many of `count` interleaved RGB pixels as fit the vectors: into three planes that
/// are `plane` values apart, or interleaved as they are. uint8 is only taken apart into planes, not
/// normalised. Returns how many pixels, 0 where there is no kernel: floats on a processor without
/// fused multiply-add, and interleaved bytes.
std::size_t normalize_with_vectors(const std::uint8_t* rgb, std::size_t count, PixelForm form,
                                   std::byte* output, std::size_t plane,
                                   const NormalizeConstants& constants);

}  // namespace millrace
