#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/image.h"

namespace millrace {

/// RGB to baseline JPEG with libjpeg-turbo, as Pillow's `save(quality=..., subsampling="4:2:0")`.
/// The same pixels give the same bytes with the same libjpeg. One a thread.
class JpegEncoder {
 public:
  JpegEncoder();
  ~JpegEncoder();
  JpegEncoder(const JpegEncoder&) = delete;
  JpegEncoder& operator=(const JpegEncoder&) = delete;

  /// The file replaces the content of `jpeg`. `quality`: 1 to 100, as libjpeg counts. If
  /// `described_by` is a JPEG, its EXIF and its colour profile are taken over.
  /// Errors (bad_image): sides below 1 or above 65,500.
  Result<void> encode(ImageView image, int quality, std::span<const std::uint8_t> described_by,
                      std::vector<std::uint8_t>& jpeg);

 private:
  class Codec;
  std::unique_ptr<Codec> codec_;
};

}  // namespace millrace
