#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/jpeg/jpeg_frame.h"

namespace millrace {

/// libjpeg-turbo as Pillow uses it: integer "islow" DCT, fancy upsampling, block smoothing; CMYK as
/// Pillow's convert("RGB"). One libjpeg object serves all images of a thread.
class LibjpegDecoder {
 public:
  explicit LibjpegDecoder(const DecodeOptions& options);
  ~LibjpegDecoder();
  LibjpegDecoder(const LibjpegDecoder&) = delete;
  LibjpegDecoder& operator=(const LibjpegDecoder&) = delete;

  enum class Outcome : std::uint8_t { decoded, cut_short, too_many_scans, broken };

  /// Which of an image's pixels are made.
  struct Part {
    int scale = 1;       ///< 1, 2, 4 or 8: sides are so many times shorter, rounded up
    ImageWindow window;  ///< of the scaled image
    /// Where they have data, and the file is CMYK: C, M and Y, and K thrice, beside `rows`.
    MutableImageView cmy;
    MutableImageView black;
  };

  /// Decodes to `rows`, which are as wide as the scaled image and as many as the window's; the
  /// window's columns are where they are in the image, and what is beside them is unspecified.
  /// `scratch` holds scratch_bytes(). With TruncatedImages::keep, where the window must be the
  /// whole image, what is cut short or broken counts as decoded, and rows without data are black.
  Outcome decode(std::span<const std::uint8_t> data, const JpegFrame& frame, const Part& part,
                 MutableImageView rows, std::uint8_t* scratch);

  static std::size_t scratch_bytes(const JpegFrame& frame) {
    return static_cast<std::size_t>(frame.width) * 4;
  }

  /// libjpeg's words for the last error.
  std::string message() const;

 private:
  struct Codec;
  std::unique_ptr<Codec> codec_;
};

}  // namespace millrace
