#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

// `orientation` is EXIF's, 1 to 8: how the stored image has to be turned or mirrored to be upright.

/// Of the upright image.
ImageSize upright_size(ImageSize stored, int orientation);

/// Where a window of the upright image lies in the stored one, whose size is `stored`.
ImageWindow stored_window(const ImageWindow& upright, ImageSize stored, int orientation);

/// What turn_upright needs; 0 where there is nothing to do.
std::size_t turned_bytes(ImageSize stored, int orientation);

/// The image upright, as Pillow's ImageOps.exif_transpose: `stored` itself where there is nothing
/// to do, otherwise pixels in `memory`, which holds turned_bytes(). Outside of `needed`, a window
/// of the upright image, they are unspecified; none: all are made.
ImageView turn_upright(ImageView stored, int orientation, const std::optional<ImageWindow>& needed,
                       std::uint8_t* memory);
inline ImageView turn_upright(ImageView stored, int orientation,
                              const std::optional<ImageWindow>& needed, PixelBuffer& buffer) {
  return turn_upright(stored, orientation, needed,
                      buffer.reserve(turned_bytes({stored.width, stored.height}, orientation)));
}

}  // namespace millrace
