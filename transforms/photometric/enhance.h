#pragma once

#include "millrace/transforms/image.h"

namespace millrace {

// torchvision's adjust_* of Pillow images, in place, bit for bit. Factors are finite; 1, for hue 0,
// changes nothing (hue: next to nothing, by way of 8-bit HSV).

/// ImageEnhance.Brightness: 0 is black.
void change_brightness(float factor, MutableImageView image);
/// ImageEnhance.Contrast: 0 is the mean of the luma everywhere. The image has pixels.
void change_contrast(float factor, MutableImageView image);
/// ImageEnhance.Color: 0 is gray.
void change_saturation(float factor, MutableImageView image);
/// A share of the circle in -0.5..0.5, cut to 255ths.
void change_hue(float share, MutableImageView image);

}  // namespace millrace
