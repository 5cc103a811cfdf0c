#pragma once

#include <cstdint>
#include <vector>

#include "image_fixtures.h"
#include "jpeg_files.h"

namespace millrace::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes encode_jpeg(const Pixels& pixels, const JpegChoices& choices) {
  return encode_jpeg(pixels.view(), choices);
}
/// 8-bit RGB, one IDAT chunk, no filters.
Bytes encode_png(const Pixels& pixels);
Bytes encode_webp(const Pixels& pixels, bool lossless);

/// A whole JPEG through libjpeg's plain interface.
Pixels libjpeg_pixels(const Bytes& jpeg);

}  // namespace millrace::test
