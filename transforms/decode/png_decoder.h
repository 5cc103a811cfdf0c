#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/decode/png_chunks.h"
#include "millrace/transforms/decode/png_pixels.h"
#include "millrace/transforms/decode/stored_image.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

/// PNG to RGB as Pillow's convert("RGB"): alpha and transparent colours dropped (or composited),
/// 16-bit gray clipped at 255, other 16-bit samples cut to their high byte; of an animation the
/// first frame.
///
/// zlib alone: libpng has other rules than Pillow for what is damaged.
class PngDecoder {
 public:
  explicit PngDecoder(const DecodeOptions& options);
  ~PngDecoder();
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  /// The view lies in `pixels`, its planes in `native`. Errors: bad_image, image_too_large.
  Result<StoredImage> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                             NativeBuffers& native);

  /// The size, from the header alone: how it lies may be said behind the image data.
  Result<StoredImage> measure(std::span<const std::uint8_t> data) const;

 private:
  class Inflater;
  Result<void> check_size(const PngChunks& chunks) const;
  /// Unpacks the image data into `image`. Data that end early, or are damaged, are no error where
  /// truncated images are kept.
  Result<void> read_rows(PngChunks& chunks, const PngPixels& unpack, MutableImageView image);

  /// The planes of an image that is not resized as RGB: where that takes it, the image data, which
  /// begin `at_data` and were read into `image`, are read again.
  Result<NativeImage> read_native(const PngChunks& at_data, MutableImageView image,
                                  NativeBuffers& native);

  DecodeOptions options_;
  std::unique_ptr<Inflater> inflater_;
  PixelBuffer rows_;
  std::array<std::uint8_t, 768> palette_{};
};

}  // namespace millrace
