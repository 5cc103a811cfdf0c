#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// What a JPEG file says of its image before the first scan.
struct JpegFrame {
  int width = 0;
  int height = 0;
  int components = 0;  ///< 1: gray, 3: colour, 4: CMYK or YCCK
};

/// What stands in a JPEG's application segments about how the image lies.
class JpegMetadata {
 public:
  void clear();
  /// Its bytes must outlive this object. `segment` begins behind its length.
  void read_segment(int marker, std::span<const std::uint8_t> segment);

  /// 1 to 8. Error (bad_image): EXIF data over which Pillow stumbles; only there where JFIF gives a
  /// resolution, for otherwise Pillow has looked for one in EXIF before and has forgiven
  /// everything.
  Result<int> orientation() const;

 private:
  std::span<const std::uint8_t> exif() const;

  std::span<const std::uint8_t> first_exif_;
  std::vector<std::uint8_t> joined_exif_;  ///< of several segments
  bool has_exif_ = false;
  std::span<const std::uint8_t> xmp_;
  bool has_resolution_ = false;
};

/// Walks the marker segments up to the first scan and refuses what Pillow's JpegImagePlugin refuses
/// there, by the same rules: it is stricter than libjpeg about the length of segments and looser
/// about junk between them. Errors: bad_image, unsupported_image (12 bit, 2 components).
/// Adds to `metadata` where it is given.
Result<JpegFrame> read_jpeg_frame(std::span<const std::uint8_t> data,
                                  JpegMetadata* metadata = nullptr);

}  // namespace millrace
