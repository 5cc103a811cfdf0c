#pragma once

#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

/// Reads what `image:width`, `image:height` and `image:aspect` are of: the first of kImageFields
/// that a sample has, by the header of a JPEG, PNG or WebP, as stored (EXIF's orientation is not
/// looked at). Of what is none of these nothing is known.
ImageSizeReader image_size_reader();

}  // namespace millrace
