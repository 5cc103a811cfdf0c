#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/transform.h"

namespace millrace {

inline constexpr int kLargestClipSize = 8192;

/// open_clip's eval preprocessing of an image that is decoded already: see clip_transform. Holds
/// scratch that is kept between images: one a thread.
class ClipImage {
 public:
  ClipImage();
  ~ClipImage();
  ClipImage(const ClipImage&) = delete;
  ClipImage& operator=(const ClipImage&) = delete;

  /// Writes float32 [3, size, size] to `output`, which is that long; 1 <= size <= kLargestClipSize.
  /// Errors: bad_image for an image without pixels.
  Result<void> apply(ImageView image, int size, std::span<float> output);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// open_clip's eval preprocessing of an encoded image: decode as Pillow's convert("RGB"), resize
/// the shorter side to `size` (bicubic, antialiased, 8 bit), centre crop, x/255, minus CLIP's mean,
/// over CLIP's standard deviation. Output: float32 [3, size, size], bit-exact with open_clip.
/// Throws std::invalid_argument unless 1 <= size <= 8192.
std::shared_ptr<const Transform> clip_transform(int size, const DecodeOptions& decode = {});

/// The same pixels before normalisation: uint8 [size, size, 3].
std::shared_ptr<const Transform> clip_pixels(int size, const DecodeOptions& decode = {});

}  // namespace millrace
