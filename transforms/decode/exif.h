#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "millrace/result/result.h"

namespace millrace {

/// The orientation in a block of EXIF data: 1 to 8, by the rules of Pillow's getexif, for which
/// damage behind the tag is none. 1 for a value that means nothing; nullopt where there is no such
/// tag. "Exif\0\0" may stand up to `most_prefixes` times before the data. Error (bad_image): this
/// is no EXIF at all.
Result<std::optional<int>> read_exif_orientation(std::span<const std::uint8_t> exif,
                                                 int most_prefixes = 2);

/// `tiff:Orientation` in XMP, an attribute or an element: the same, without errors.
std::optional<int> read_xmp_orientation(std::span<const std::uint8_t> xmp);

}  // namespace millrace
