#pragma once

#include <cstdint>
#include <span>

#include "millrace/result/result.h"

namespace millrace {

/// What a JPEG file says of its image before the first scan.
struct JpegFrame {
  int width = 0;
  int height = 0;
  int components = 0;  ///< 1: gray, 3: colour, 4: CMYK or YCCK
};

/// Walks the marker segments up to the first scan and refuses what Pillow's JpegImagePlugin refuses
/// there, by the same rules: it is stricter than libjpeg about the length of segments and looser
/// about junk between them. Errors: bad_image, unsupported_image (12 bit, 2 components).
Result<JpegFrame> read_jpeg_frame(std::span<const std::uint8_t> data);

}  // namespace millrace
