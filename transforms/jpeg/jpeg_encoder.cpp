#include "millrace/transforms/jpeg/jpeg_encoder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <jpeglib.h>

#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/jpeg/jpeg_errors-inl.h"
#include "millrace/transforms/jpeg/jpeg_frame.h"

namespace millrace {
namespace {

struct Segment {
  int marker = 0;
  std::span<const std::uint8_t> payload;
};

constexpr int kApp1 = JPEG_APP0 + 1;
constexpr int kApp2 = JPEG_APP0 + 2;

bool is_kept(const Segment& segment, bool with_profile) {
  if (segment.marker == kApp1) return starts_with(segment.payload, std::string_view("Exif\0\0", 6));
  return segment.marker == kApp2 && with_profile &&
         starts_with(segment.payload, std::string_view("ICC_PROFILE\0", 12));
}

// The segments of a JPEG before its scans that say something of the image as a whole. The profile
// of a CMYK image says nothing of the RGB that was made of it.
std::vector<Segment> descriptions(std::span<const std::uint8_t> jpeg) {
  std::vector<Segment> kept;
  const auto frame = read_jpeg_frame(jpeg);
  if (!frame) return kept;
  std::size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == 0xFF) {
    const int marker = jpeg[at + 1];
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const std::size_t length = static_cast<std::size_t>(jpeg[at + 2]) << 8U | jpeg[at + 3];
    if (marker == 0xDA || marker < 0xC0 || length < 2 || length > jpeg.size() - at - 2) break;
    const Segment segment{marker, jpeg.subspan(at + 4, length - 2)};
    if (is_kept(segment, frame->components == 3)) kept.push_back(segment);
    at += 2 + length;
  }
  return kept;
}

}  // namespace

class JpegEncoder::Codec {
 public:
  Codec() {
    cinfo_.err = &errors_;
    if (setjmp(errors_.jump) != 0) throw std::bad_alloc();  // NOLINT: libjpeg is C
    jpeg_create_compress(&cinfo_);
  }
  ~Codec() {
    jpeg_destroy_compress(&cinfo_);
    std::free(data_);  // NOLINT: from libjpeg's malloc
  }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // Nothing with a destructor lives in this frame: an error jumps out of it.
  bool encode(const ImageView& image, int quality, const Segment* segments, std::size_t count) {
    if (setjmp(errors_.jump) != 0) {  // NOLINT: libjpeg is C
      jpeg_abort_compress(&cinfo_);
      return false;
    }
    // libjpeg frees a buffer that it outgrows, but only one that it made since it was given this.
    std::free(data_);  // NOLINT: from libjpeg's malloc
    data_ = nullptr;
    size_ = 0;
    jpeg_mem_dest(&cinfo_, &data_, &size_);
    cinfo_.image_width = static_cast<JDIMENSION>(image.width);
    cinfo_.image_height = static_cast<JDIMENSION>(image.height);
    cinfo_.input_components = 3;
    cinfo_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&cinfo_);  // YCbCr, 4:2:0, islow
    jpeg_set_quality(&cinfo_, quality, TRUE);
    jpeg_start_compress(&cinfo_, TRUE);
    for (std::size_t i = 0; i < count; ++i) {
      jpeg_write_marker(&cinfo_, segments[i].marker, segments[i].payload.data(),
                        static_cast<unsigned>(segments[i].payload.size()));
    }
    while (cinfo_.next_scanline < cinfo_.image_height) {
      // libjpeg only reads it.
      auto* row = const_cast<std::uint8_t*>(  // NOLINT(cppcoreguidelines-pro-type-const-cast)
          image.row(static_cast<int>(cinfo_.next_scanline)));
      jpeg_write_scanlines(&cinfo_, &row, 1);
    }
    jpeg_finish_compress(&cinfo_);
    return true;
  }

  std::span<const std::uint8_t> data() const { return {data_, size_}; }

  std::string message() {
    std::array<char, JMSG_LENGTH_MAX> text{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&cinfo_), text.data());
    return text.data();
  }

 private:
  jpeg_compress_struct cinfo_{};
  JpegErrors errors_;
  unsigned char* data_ = nullptr;
  unsigned long size_ = 0;  // NOLINT(google-runtime-int): libjpeg's type
};

JpegEncoder::JpegEncoder() : codec_(std::make_unique<Codec>()) {}

JpegEncoder::~JpegEncoder() = default;

Result<void> JpegEncoder::encode(ImageView image, int quality,
                                 std::span<const std::uint8_t> described_by,
                                 std::vector<std::uint8_t>& jpeg) {
  if (image.width < 1 || image.height < 1 || image.width > JPEG_MAX_DIMENSION ||
      image.height > JPEG_MAX_DIMENSION) {
    return fail(Reason::bad_image, "a JPEG's sides are 1 to 65500 pixels long");
  }
  const std::vector<Segment> segments = descriptions(described_by);
  if (!codec_->encode(image, quality, segments.data(), segments.size())) {
    return fail(Reason::bad_image, "JPEG: " + codec_->message());
  }
  const std::span<const std::uint8_t> data = codec_->data();
  jpeg.assign(data.begin(), data.end());
  return {};
}

}  // namespace millrace
