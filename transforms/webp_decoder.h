#pragma once

#include <cstdint>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// WebP to RGB as Pillow: libwebp's animation decoder for every file, the first frame on its
/// canvas, alpha dropped.
class WebpDecoder {
 public:
  explicit WebpDecoder(const DecodeOptions& options) : options_(options) {}

  /// The view lies in `pixels`. Errors: bad_image, image_too_large.
  Result<ImageView> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels) const;

 private:
  DecodeOptions options_;
};

}  // namespace millrace
