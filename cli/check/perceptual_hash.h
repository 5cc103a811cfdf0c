#pragma once

#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace::cli {

/// 63 bits that change little where an image is resized, compressed again or made a little
/// brighter: which of the lowest frequencies of its brightness are above their median (the "pHash"
/// of phash.org: a DCT of 32 x 32 averages, of which 8 x 8 coefficients without the first are
/// looked at).
struct PerceptualHash {
  std::uint64_t bits = 0;
  bool is_flat = false;  ///< nearly one colour: the bits say nothing then, and are 0
};

/// Reads 128 x 128 pixels however large the image is, whole numbers only: equal on every machine.
/// The image has pixels.
PerceptualHash perceptual_hash(ImageView image);

}  // namespace millrace::cli
