#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/clip_image.h"
#include "millrace/transforms/image.h"

namespace millrace {

/// Decodes JPEG, PNG and WebP to RGB as Pillow's `Image.open(...).convert("RGB")`: the same pixels,
/// and an error where Pillow has one. Holds scratch that is kept between images: one a thread.
class ImageDecoder {
 public:
  explicit ImageDecoder(const DecodeOptions& options = {});
  ~ImageDecoder();
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  /// The view is valid until the next call. Errors: bad_image, unsupported_image, image_too_large.
  Result<ImageView> decode(std::span<const std::uint8_t> data);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace
