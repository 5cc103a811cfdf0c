#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// ImageEnhance.Sharpness, in place: 0 is Pillow's ImageFilter.SMOOTH, 1 the image itself. Pixels
/// at the border stay.
void change_sharpness(float factor, MutableImageView image, PixelBuffer& scratch);

}  // namespace millrace
