#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// PNG to RGB as Pillow's convert("RGB"): alpha and transparent colours dropped, 16-bit gray
/// clipped at 255, other 16-bit samples cut to their high byte; of an animation the first frame.
///
/// zlib alone: libpng has other rules than Pillow for what is damaged.
class PngDecoder {
 public:
  explicit PngDecoder(const DecodeOptions& options);
  ~PngDecoder();
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  /// The view lies in `pixels`. Errors: bad_image, image_too_large.
  Result<ImageView> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels);

 private:
  class Inflater;
  DecodeOptions options_;
  std::unique_ptr<Inflater> inflater_;
  PixelBuffer rows_;
};

}  // namespace millrace
