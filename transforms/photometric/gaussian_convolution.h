#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// The largest kernel that convolve_gaussian takes.
inline constexpr int kLargestGaussianKernel = 127;

/// Memory that convolve_gaussian works in, kept from image to image.
struct ConvolutionScratch {
  PixelBuffer source;
  std::vector<float> weights;
  std::vector<float> products;
  std::vector<float> weighed;
  std::vector<std::uint8_t> made;
  std::vector<std::uint32_t> doubtful;
  std::vector<const float*> weighed_rows;
  std::vector<const std::uint8_t*> source_rows;
};

/// torchvision's gaussian_blur(kernel_size, [sigma, sigma]) of a Pillow image, in place; the image
/// goes on beyond its edges as in a mirror. `kernel_size` is odd and 1..kLargestGaussianKernel,
/// 0 < sigma. An image that is too small for torchvision is mirrored more than once.
///
/// The sums are those of torch on x86-64, bit for bit: float32, one fused multiply-add after the
/// other, row by row of the kernel. Its weights are torch's, too, up to the last bit of an
/// exponential: torch's own is not always the nearest float.
void convolve_gaussian(int kernel_size, float sigma, MutableImageView image,
                       ConvolutionScratch& scratch);

}  // namespace millrace
