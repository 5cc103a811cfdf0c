#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {
namespace jpeg {
class BaselineDecoder;
}

/// JPEG to RGB with libjpeg-turbo: integer "islow" DCT, fancy upsampling, block smoothing; CMYK as
/// Pillow's convert("RGB"). One libjpeg object serves all images of a thread.
class JpegDecoder {
 public:
  explicit JpegDecoder(const DecodeOptions& options);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// The view lies in `pixels`. Errors: bad_image, unsupported_image, image_too_large.
  Result<ImageView> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels);

 private:
  class Codec;
  DecodeOptions options_;
  std::unique_ptr<Codec> codec_;
  std::unique_ptr<jpeg::BaselineDecoder> baseline_;
};

}  // namespace millrace
