#pragma once

#include <cstdint>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/decode/stored_image.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// WebP to RGB as Pillow: libwebp's animation decoder for every file, the first frame on its
/// canvas, alpha dropped (or composited). Truncated files are errors here, kept or not: Pillow has
/// nothing to show of them either.
class WebpDecoder {
 public:
  explicit WebpDecoder(const DecodeOptions& options) : options_(options) {}

  /// The view lies in `pixels`, its planes in `native`. Errors: bad_image, image_too_large.
  Result<StoredImage> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                             NativeBuffers& native) const;

  /// The size, and how it lies, without the pixels.
  Result<StoredImage> measure(std::span<const std::uint8_t> data) const;

 private:
  DecodeOptions options_;
};

}  // namespace millrace
