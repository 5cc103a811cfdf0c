#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/decode/stored_image.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/jpeg/jpeg_frame.h"
#include "millrace/transforms/jpeg/libjpeg_decoder.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {
namespace jpeg {
class BaselineDecoder;
}

/// What of a JPEG is to be decoded.
struct JpegChoice {
  int scale = 1;                      ///< 1, 2, 4 or 8: sides are so many times shorter, rounded up
  std::optional<ImageWindow> window;  ///< of the scaled image, upright, within it; none: all
  bool by_libjpeg = false;            ///< the own decoder has given it up before
};

/// One of several files that are decoded together.
struct JpegJob {
  std::span<const std::uint8_t> file;
  std::optional<ImageWindow> window;  ///< as JpegChoice::window
  std::optional<StoredImage> image;   ///< what was made of it
  bool was_tried = false;             ///< without an image: whether the own decoder has given it up
};

/// JPEG to RGB as Pillow's convert("RGB").
class JpegDecoder {
 public:
  explicit JpegDecoder(const DecodeOptions& options);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// The scaled image, which lies in `pixels`, its planes in `native`; what is outside of the
  /// window is unspecified. Errors: bad_image, unsupported_image, image_too_large.
  Result<StoredImage> decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                             NativeBuffers& native, const JpegChoice& choice = {});

  /// So many files can be decoded together, and so many pixels: what a thread holds stays bounded.
  static constexpr std::size_t kMostTogether = 8;
  static constexpr std::int64_t kMostPixelsTogether = std::int64_t{8} << 20;
  /// Of the first kMostTogether, plain baseline files as decode() makes them, two at a time side by
  /// side, all in `pixels`.
  /// Files that are not, those that are too large, and those in which anything is odd stay without
  /// an image.
  void decode_together(std::span<JpegJob> jobs, PixelBuffer& pixels);

  /// The size, and how it lies, without the pixels.
  Result<StoredImage> measure(std::span<const std::uint8_t> data);

 private:
  Result<JpegFrame> read_frame(std::span<const std::uint8_t> data, int& orientation);

  DecodeOptions options_;
  JpegMetadata metadata_;
  LibjpegDecoder libjpeg_;
  std::unique_ptr<jpeg::BaselineDecoder> baseline_;
};

}  // namespace millrace
