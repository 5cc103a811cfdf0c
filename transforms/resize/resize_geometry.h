#pragma once

#include "millrace/transforms/image.h"

namespace millrace {

/// The size that Pillow's `Image.thumbnail((side, side))` gives an image: the longer side becomes
/// `side`, the other one what comes closest to the same aspect ratio, at least 1. An image that
/// fits keeps its size. All three are at least 1.
ImageSize thumbnail_size(int width, int height, int side);

}  // namespace millrace
