#pragma once

#include <cstdint>
#include <vector>

#include "image_fixtures.h"

namespace millrace::test {

using Bytes = std::vector<std::uint8_t>;

struct JpegChoices {
  int h_sampling = 2;
  int v_sampling = 2;
  bool progressive = false;
  bool arithmetic = false;
  bool gray = false;
  int restart_rows = 0;
};

Bytes encode_jpeg(const Pixels& pixels, const JpegChoices& choices);
/// 8-bit RGB, one IDAT chunk, no filters.
Bytes encode_png(const Pixels& pixels);
Bytes encode_webp(const Pixels& pixels, bool lossless);

/// A whole JPEG through libjpeg's plain interface.
Pixels libjpeg_pixels(const Bytes& jpeg);

}  // namespace millrace::test
