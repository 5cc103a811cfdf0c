#pragma once

#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace {

/// Turns the hue by `shift` 256ths of the circle, through Pillow's 8-bit HSV: also a shift of 0
/// changes pixels.
void shift_hue(std::uint8_t shift, MutableImageView image);

}  // namespace millrace
