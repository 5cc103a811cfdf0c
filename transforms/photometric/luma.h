#pragma once

#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace {

/// The mean of the image's luma as ImageEnhance.Contrast rounds it. The image has pixels.
std::uint8_t mean_luma(ImageView image);

/// Three channels of its luma: Pillow's convert("L").convert("RGB").
void make_gray(MutableImageView image);

/// Pillow's blend of each pixel's luma, at 0, with the pixel, at 1.
void blend_with_luma(float factor, MutableImageView image);

}  // namespace millrace
