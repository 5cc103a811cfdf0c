#pragma once

#include <array>
#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace {

/// Where a pixel of the result comes from: x = m[0] x' + m[1] y' + m[2], y = m[3] x' + m[4] y' +
/// m[5].
using AffineMatrix = std::array<double, 6>;

// The matrices that torchvision's RandAugment hands to Pillow, in its arithmetic.

/// A row further down lies `share` of a pixel further to the side; down by column with shear_down.
AffineMatrix shear_right(double share);
AffineMatrix shear_down(double share);
/// Counter-clockwise about the middle, as Image.rotate.
AffineMatrix rotation(double degrees, ImageSize size);

/// Image.transform(AFFINE, NEAREST, fillcolor) of an image to one of the same size. `from` does not
/// overlap `to`.
void transform_nearest(const AffineMatrix& matrix, const std::array<std::uint8_t, 3>& fill,
                       ImageView from, MutableImageView to);

/// `right` pixels to the right and `down` pixels down, the rest `fill`.
void translate(int right, int down, const std::array<std::uint8_t, 3>& fill, ImageView from,
               MutableImageView to);

}  // namespace millrace
