#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

/// A box blur of any width, in 2^-24ths: every byte from -radius to radius counts `inner`, the two
/// next ones `outer`.
struct BoxBlur {
  std::size_t radius = 0;
  std::uint32_t inner = 0;
  std::uint32_t outer = 0;
};

/// The one that, applied three times, comes nearest to a Gaussian: as Pillow computes it.
BoxBlur box_blur_of(float sigma);

}  // namespace millrace
