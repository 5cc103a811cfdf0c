#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// The largest standard deviation that gaussian_blur takes.
inline constexpr float kLargestBlurSigma = 64;

/// Pillow's ImageFilter.GaussianBlur(sigma), in place: three box blurs along each axis (Gwosdek et
/// al., 2011) that round to bytes after every one. 0 <= sigma <= kLargestBlurSigma.
void gaussian_blur(float sigma, MutableImageView image, PixelBuffer& scratch);

}  // namespace millrace
