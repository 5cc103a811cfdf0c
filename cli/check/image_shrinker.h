#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/jpeg/jpeg_encoder.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/resize/resize.h"

namespace millrace::cli {

/// Brings images to a largest side. Holds scratch: one a thread.
class ImageShrinker {
 public:
  ImageShrinker(int max_side, int quality) : max_side_(max_side), quality_(quality) {}

  /// Decodes the image, and if one side is larger, writes it to `jpeg` as Pillow's
  /// `resize(size, BICUBIC)` to the size that `thumbnail` gives, and returns true; else `jpeg` is
  /// untouched. Errors: those of ImageDecoder and of Resizer.
  Result<bool> shrink(std::span<const std::uint8_t> image, std::vector<std::uint8_t>& jpeg);

 private:
  int max_side_;
  int quality_;
  ImageDecoder decoder_;
  Resizer resizer_;
  PixelBuffer pixels_;
  JpegEncoder encoder_;
};

}  // namespace millrace::cli
