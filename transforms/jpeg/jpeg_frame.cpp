#include "millrace/transforms/jpeg/jpeg_frame.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/decode/image_kind.h"

namespace millrace {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr int kStartOfScan = 0xDA;
constexpr int kQuantizationTable = 0xDB;

int be16(Bytes bytes, std::size_t at) { return bytes[at] << 8 | bytes[at + 1]; }

bool is_frame_marker(int marker) {
  // SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC), and DHP, which Pillow reads as a frame
  // too.
  return (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) ||
         marker == 0xDE;
}

/// Markers without a segment of their own: RSTn, SOI, EOI, JPG, JPG0..JPG13.
bool stands_alone(int marker) {
  return (marker >= 0xD0 && marker <= 0xD9) || marker == 0xC8 || (marker >= 0xF0 && marker <= 0xFD);
}

/// Photoshop's resource blocks: a name or a size that is cut off ends the list quietly, but a block
/// that ends right before the length byte of its name is an error in Pillow (IndexError).
bool photoshop_resources_are_readable(Bytes segment) {
  std::size_t at = 14;
  while (at + 4 <= segment.size() && starts_with(segment.subspan(at), "8BIM")) {
    at += 4;
    if (at + 2 > segment.size()) return true;
    const int code = be16(segment, at);
    at += 2;
    if (at >= segment.size()) return false;
    at += std::size_t{1} + segment[at];
    at += at & 1;
    if (at + 4 > segment.size()) return true;
    const std::size_t size = static_cast<std::size_t>(be16(segment, at)) << 16 |
                             static_cast<std::size_t>(be16(segment, at + 2));
    at += 4;
    const std::size_t present = at < segment.size() ? std::min(size, segment.size() - at) : 0;
    if (code == 0x03ED && present < 14) return true;
    at += size;
    at += at & 1;
  }
  return true;
}

class FrameWalk {
 public:
  FrameWalk(Bytes data, JpegMetadata* metadata) : data_(data), metadata_(metadata) {}

  Result<JpegFrame> run();

 private:
  Result<void> read_segment();
  Result<void> read_application(int marker);
  Result<void> read_frame();
  Result<void> read_quantization_tables() const;

  static tl::unexpected<Error> bad(std::string message) {
    return fail(Reason::bad_image, "JPEG: " + std::move(message));
  }

  Bytes data_;
  std::size_t at_ = 0;
  Bytes segment_;
  JpegFrame frame_;
  std::optional<Bytes> first_profile_part_;
  JpegMetadata* metadata_;
};

Result<void> FrameWalk::read_segment() {
  if (data_.size() - at_ < 2) return bad("a marker segment is cut short");
  const int length = be16(data_, at_) - 2;
  at_ += 2;
  const std::size_t bytes = length > 0 ? static_cast<std::size_t>(length) : 0;
  if (data_.size() - at_ < bytes) return bad("a marker segment is cut short");
  segment_ = data_.subspan(at_, bytes);
  at_ += bytes;
  return {};
}

Result<void> FrameWalk::read_application(int marker) {
  if (metadata_ != nullptr) metadata_->read_segment(marker, segment_);
  if (marker == 0xE0 && starts_with(segment_, "JFIF") && segment_.size() < 7) {
    return bad("the JFIF segment is too short");
  }
  if (marker == 0xEE && starts_with(segment_, "Adobe") && segment_.size() < 7) {
    return bad("the Adobe segment is too short");
  }
  if (marker == 0xE2 && starts_with(segment_, std::string_view("ICC_PROFILE\0", 12))) {
    if (!first_profile_part_ ||
        std::lexicographical_compare(segment_.begin(), segment_.end(), first_profile_part_->begin(),
                                     first_profile_part_->end())) {
      first_profile_part_ = segment_;
    }
  }
  if (marker == 0xED && starts_with(segment_, std::string_view("Photoshop 3.0\0", 14)) &&
      !photoshop_resources_are_readable(segment_)) {
    return bad("a Photoshop resource is cut short");
  }
  return {};
}

Result<void> FrameWalk::read_frame() {
  if (segment_.size() < 6) return bad("the frame header is too short");
  frame_.height = be16(segment_, 1);
  frame_.width = be16(segment_, 3);
  if (segment_[0] != 8) {
    return fail(Reason::unsupported_image, "JPEG with " + std::to_string(segment_[0]) + " bits");
  }
  frame_.components = segment_[5];
  if (frame_.components != 1 && frame_.components != 3 && frame_.components != 4) {
    return fail(Reason::unsupported_image,
                "JPEG with " + std::to_string(segment_[5]) + " components");
  }
  if (first_profile_part_ && first_profile_part_->size() < 14) {
    return bad("the colour profile's segment is too short");
  }
  first_profile_part_.reset();
  if (segment_.size() % 3 != 0) return bad("the frame header has a wrong length");
  return {};
}

Result<void> FrameWalk::read_quantization_tables() const {
  for (Bytes left = segment_; !left.empty();) {
    const std::size_t table = left[0] < 16 ? 1 + 64 : 1 + 128;
    if (left.size() < table) return bad("a quantization table is too short");
    left = left.subspan(table);
  }
  return {};
}

Result<JpegFrame> FrameWalk::run() {
  at_ = 3;  // the signature FF D8 FF ends with the first byte of the next marker
  bool after_ff = true;
  while (true) {
    if (!after_ff) {
      if (at_ >= data_.size()) return bad("no image data");
      after_ff = data_[at_++] == 0xFF;
      continue;
    }
    if (at_ >= data_.size()) return bad("no image data");
    const int marker = data_[at_++];
    if (marker == 0xFF) continue;
    after_ff = false;
    if (marker == 0x00 || stands_alone(marker)) continue;
    if (marker < 0xC0) return bad("a marker is expected and not found");

    if (auto read = read_segment(); !read) return tl::unexpected(read.error());
    Result<void> understood;
    if (is_frame_marker(marker)) {
      understood = read_frame();
    } else if (marker == kQuantizationTable) {
      understood = read_quantization_tables();
    } else if (marker >= 0xE0 && marker <= 0xEF) {
      understood = read_application(marker);
    }
    if (!understood) return tl::unexpected(understood.error());
    if (marker == kStartOfScan) break;
  }
  if (frame_.components == 0) return bad("image data without a frame header");
  if (frame_.width == 0 || frame_.height == 0) return bad("the image has no pixels");
  return frame_;
}

}  // namespace

void JpegMetadata::clear() {
  first_exif_ = {};
  joined_exif_.clear();
  has_exif_ = false;
  xmp_ = {};
  has_resolution_ = false;
}

void JpegMetadata::read_segment(int marker, Bytes segment) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  if (marker == 0xE0 && starts_with(segment, "JFIF") && segment.size() >= 12) {
    has_resolution_ = has_resolution_ || segment[7] == 1 || segment[7] == 2;
  }
  if (marker != 0xE1) return;
  if (starts_with(segment, kXmp)) xmp_ = segment.subspan(kXmp.size());
  if (!starts_with(segment, kExif)) return;
  if (!has_exif_) {
    first_exif_ = segment;
    has_exif_ = true;
    return;
  }
  if (joined_exif_.empty()) joined_exif_.assign(first_exif_.begin(), first_exif_.end());
  joined_exif_.insert(joined_exif_.end(), segment.begin() + kExif.size(), segment.end());
}

Bytes JpegMetadata::exif() const {
  return joined_exif_.empty() ? first_exif_ : Bytes(joined_exif_);
}

Result<int> JpegMetadata::orientation() const {
  const Result<std::optional<int>> exif_says = read_exif_orientation(exif());
  if (!exif_says) {
    if (!has_resolution_) return 1;
    return fail(Reason::bad_image, "JPEG: " + exif_says.error().message);
  }
  if (*exif_says) return **exif_says;
  return read_xmp_orientation(xmp_).value_or(1);
}

Result<JpegFrame> read_jpeg_frame(Bytes data, JpegMetadata* metadata) {
  if (data.size() < 3 || data[0] != 0xFF || data[1] != 0xD8 || data[2] != 0xFF) {
    return fail(Reason::bad_image, "not a JPEG file");
  }
  return FrameWalk(data, metadata).run();
}

}  // namespace millrace
