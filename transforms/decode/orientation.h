#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

// `orientation` is EXIF's, 1 to 8: how the stored image has to be turned or mirrored to be upright.

/// Of the upright image.
ImageSize upright_size(ImageSize stored, int orientation);

/// Where a window of the upright image lies in the stored one, whose size is `stored`.
ImageWindow stored_window(const ImageWindow& upright, ImageSize stored, int orientation);

/// The image upright, as Pillow's ImageOps.exif_transpose: `stored` itself where there is nothing
/// to do, otherwise pixels in `buffer`.
ImageView turn_upright(ImageView stored, int orientation, PixelBuffer& buffer);

}  // namespace millrace
