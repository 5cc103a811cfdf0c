#pragma once

#include "millrace/result/result.h"
#include "millrace/transforms/resize.h"

namespace millrace {

/// torchvision's Resize(size) and CenterCrop(size) in one: the shorter side becomes `size`, the
/// longer one int(size * longer / shorter); the window begins at round((side - size) / 2), half to
/// even. Error (bad_image): an image so narrow that the longer side exceeds 2^30 pixels.
Result<Resizer::Geometry> shorter_side_center_crop(int width, int height, int size);

/// The size that Pillow's `Image.thumbnail((side, side))` gives an image: the longer side becomes
/// `side`, the other one what comes closest to the same aspect ratio, at least 1. An image that
/// fits keeps its size. All three are at least 1.
ImageSize thumbnail_size(int width, int height, int side);

}  // namespace millrace
