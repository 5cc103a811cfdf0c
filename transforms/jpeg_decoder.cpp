#include "millrace/transforms/jpeg_decoder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <limits>
#include <new>
#include <string>

#include <jpeglib.h>

#include "millrace/transforms/image_kind.h"
#include "millrace/transforms/jpeg_baseline.h"
#include "millrace/transforms/jpeg_errors-inl.h"
#include "millrace/transforms/jpeg_frame.h"
#include "millrace/transforms/jpeg_memory.h"

namespace millrace {
namespace {

/// libjpeg's coefficients of a progressive image take up to 8 bytes a pixel (four components), and
/// blocks and rows are padded.
std::size_t memory_limit_bytes(const DecodeOptions& options) {
  constexpr std::uint64_t kBytesPerPixel = 12;
  constexpr std::uint64_t kPaddingBytes = std::uint64_t{64} << 20;
  constexpr std::uint64_t kMost = std::numeric_limits<std::size_t>::max() / 2;
  if (options.max_image_pixels > (kMost - kPaddingBytes) / kBytesPerPixel) return kMost;
  return static_cast<std::size_t>(options.max_image_pixels * kBytesPerPixel + kPaddingBytes);
}

/// a * b / 255, rounded, as Pillow's MULDIV255.
int multiply_bytes(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// libjpeg's CMYK is read as inverted (Adobe's habit), whether a marker says so or not, then takes
/// Pillow's way to RGB.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(
          std::clamp(light - multiply_bytes(255 - cmyk[c], light), 0, 255));
    }
  }
}

bool is_decodable_frame(int marker) {
  return (marker >= 0xC0 && marker <= 0xC2) || marker == 0xC9 || marker == 0xCA;
}

/// Where a row begins on a multiple of 32 bytes, libjpeg-turbo's colour conversion writes past the
/// caches, and the resize that follows finds nothing in them: a twelfth of the decoding time.
constexpr std::size_t kOffAlignmentBytes = 16;

struct ScanLimit : jpeg_progress_mgr {
  int max_scans = 0;
  bool exceeded = false;
};

/// libjpeg calls this for every row of blocks, of each scan.
void check_scan_count(j_common_ptr cinfo) {
  auto& limit = *static_cast<ScanLimit*>(cinfo->progress);
  if (reinterpret_cast<j_decompress_ptr>(cinfo)->input_scan_number <= limit.max_scans) return;
  limit.exceeded = true;
  JpegErrors::jump_out(cinfo);
}

// The source is one span. Where it ends libjpeg suspends, as it does in Pillow, instead of making
// up an end-of-image marker: that is how a file that is cut short is told from a damaged one.
void source_begins(j_decompress_ptr /*cinfo*/) {}
boolean source_has_no_more(j_decompress_ptr /*cinfo*/) { return FALSE; }
void source_skips(j_decompress_ptr cinfo, long bytes) {  // NOLINT: libjpeg's type
  if (bytes <= 0) return;
  const auto skipped = std::min(static_cast<std::size_t>(bytes), cinfo->src->bytes_in_buffer);
  cinfo->src->next_input_byte += skipped;
  cinfo->src->bytes_in_buffer -= skipped;
}
void source_ends(j_decompress_ptr /*cinfo*/) {}

}  // namespace

class JpegDecoder::Codec {
 public:
  explicit Codec(const DecodeOptions& options);
  ~Codec() { jpeg_destroy_decompress(&cinfo_); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  enum class Outcome : std::uint8_t { decoded, cut_short, too_many_scans, broken };

  /// Decodes into rows of `stride_bytes`; `cmyk_row` holds one row of 4 x width bytes.
  Outcome decode(std::span<const std::uint8_t> data, const JpegFrame& frame, std::uint8_t* pixels,
                 std::size_t stride_bytes, std::uint8_t* cmyk_row);

  /// libjpeg's words for the last error.
  std::string message();

 private:
  void begin(std::span<const std::uint8_t> data);
  Outcome read(const JpegFrame& frame, std::uint8_t* pixels, std::size_t stride_bytes,
               std::uint8_t* cmyk_row);

  jpeg_decompress_struct cinfo_{};
  JpegErrors errors_;
  jpeg_source_mgr source_{};
  ScanLimit scans_{};
  JpegMemory memory_;
};

JpegDecoder::Codec::Codec(const DecodeOptions& options) : memory_(memory_limit_bytes(options)) {
  cinfo_.err = &errors_;
  if (setjmp(errors_.jump) != 0) throw std::bad_alloc();  // NOLINT: libjpeg is C
  jpeg_create_decompress(&cinfo_);
  cinfo_.client_data = &memory_;
  JpegMemory::install(reinterpret_cast<j_common_ptr>(&cinfo_));
  source_.init_source = source_begins;
  source_.fill_input_buffer = source_has_no_more;
  source_.skip_input_data = source_skips;
  source_.resync_to_restart = jpeg_resync_to_restart;
  source_.term_source = source_ends;
  cinfo_.src = &source_;
  scans_.progress_monitor = check_scan_count;
  scans_.max_scans = options.max_jpeg_scans;
  cinfo_.progress = &scans_;
}

void JpegDecoder::Codec::begin(std::span<const std::uint8_t> data) {
  jpeg_abort_decompress(&cinfo_);
  // Tables outlive an image in libjpeg; a file without its own must not get another file's.
  std::fill(std::begin(cinfo_.quant_tbl_ptrs), std::end(cinfo_.quant_tbl_ptrs), nullptr);
  std::fill(std::begin(cinfo_.dc_huff_tbl_ptrs), std::end(cinfo_.dc_huff_tbl_ptrs), nullptr);
  std::fill(std::begin(cinfo_.ac_huff_tbl_ptrs), std::end(cinfo_.ac_huff_tbl_ptrs), nullptr);
  memory_.reset();
  scans_.exceeded = false;
  source_.next_input_byte = data.data();
  source_.bytes_in_buffer = data.size();
}

JpegDecoder::Codec::Outcome JpegDecoder::Codec::decode(std::span<const std::uint8_t> data,
                                                       const JpegFrame& frame, std::uint8_t* pixels,
                                                       std::size_t stride_bytes,
                                                       std::uint8_t* cmyk_row) {
  // Nothing with a destructor lives in this frame or in read(): an error jumps out of them.
  if (setjmp(errors_.jump) != 0) {  // NOLINT: libjpeg is C
    return scans_.exceeded ? Outcome::too_many_scans : Outcome::broken;
  }
  begin(data);
  return read(frame, pixels, stride_bytes, cmyk_row);
}

JpegDecoder::Codec::Outcome JpegDecoder::Codec::read(const JpegFrame& frame, std::uint8_t* pixels,
                                                     std::size_t stride_bytes,
                                                     std::uint8_t* cmyk_row) {
  int header = JPEG_HEADER_TABLES_ONLY;
  while (header == JPEG_HEADER_TABLES_ONLY) header = jpeg_read_header(&cinfo_, FALSE);
  if (header == JPEG_SUSPENDED) return Outcome::cut_short;
  if (cinfo_.num_components != frame.components) return Outcome::broken;
  cinfo_.out_color_space = frame.components == 4 ? JCS_CMYK : JCS_RGB;
  if (jpeg_start_decompress(&cinfo_) == FALSE) return Outcome::cut_short;
  if (cinfo_.output_width != static_cast<JDIMENSION>(frame.width) ||
      cinfo_.output_height != static_cast<JDIMENSION>(frame.height)) {
    return Outcome::broken;
  }

  std::array<JSAMPROW, 16> rows{};
  while (cinfo_.output_scanline < cinfo_.output_height) {
    std::uint8_t* next = pixels + cinfo_.output_scanline * stride_bytes;
    if (frame.components == 4) {
      rows[0] = cmyk_row;
      if (jpeg_read_scanlines(&cinfo_, rows.data(), 1) == 0) return Outcome::cut_short;
      cmyk_to_rgb(cmyk_row, next, frame.width);
      continue;
    }
    const JDIMENSION wanted = std::min<JDIMENSION>(cinfo_.output_height - cinfo_.output_scanline,
                                                   static_cast<JDIMENSION>(rows.size()));
    for (JDIMENSION i = 0; i < wanted; ++i) rows[i] = next + i * stride_bytes;
    if (jpeg_read_scanlines(&cinfo_, rows.data(), wanted) == 0) return Outcome::cut_short;
  }
  // Whether the end-of-image marker follows no longer matters, but an error on the way to it does.
  // A second frame header is one, which libjpeg 3 finds even where the file ends right behind the
  // marker.
  const bool finished = jpeg_finish_decompress(&cinfo_) != FALSE;
  return !finished && is_decodable_frame(cinfo_.unread_marker) ? Outcome::broken : Outcome::decoded;
}

std::string JpegDecoder::Codec::message() {
  std::array<char, JMSG_LENGTH_MAX> text{};
  errors_.format_message(reinterpret_cast<j_common_ptr>(&cinfo_), text.data());
  return text.data();
}

JpegDecoder::JpegDecoder(const DecodeOptions& options)
    : options_(options),
      codec_(std::make_unique<Codec>(options)),
      baseline_(options.jpeg_decoder == JpegPath::turbo
                    ? nullptr
                    : std::make_unique<jpeg::BaselineDecoder>()) {}

JpegDecoder::~JpegDecoder() = default;

Result<ImageView> JpegDecoder::decode(std::span<const std::uint8_t> data, PixelBuffer& pixels) {
  const Result<JpegFrame> frame = read_jpeg_frame(data);
  if (!frame) return tl::unexpected(frame.error());
  if (auto fits = check_pixel_count(frame->width, frame->height, options_); !fits) {
    return tl::unexpected(fits.error());
  }
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(frame->width);
  const std::size_t image_bytes = stride_bytes * static_cast<std::size_t>(frame->height);
  const std::size_t row_bytes =
      frame->components == 4 ? static_cast<std::size_t>(frame->width) * 4 : 0;
  std::uint8_t* rows =
      pixels.reserve(kOffAlignmentBytes + image_bytes + std::max(row_bytes, jpeg::kRgbSlackBytes)) +
      kOffAlignmentBytes;
  if (baseline_ != nullptr &&
      baseline_->decode(data, {rows, frame->width, frame->height, stride_bytes})) {
    return ImageView{rows, frame->width, frame->height, stride_bytes};
  }
  switch (codec_->decode(data, *frame, rows, stride_bytes, rows + image_bytes)) {
    case Codec::Outcome::decoded:
      return ImageView{rows, frame->width, frame->height, stride_bytes};
    case Codec::Outcome::cut_short:
      return fail(Reason::bad_image, "JPEG: the file is cut short");
    case Codec::Outcome::too_many_scans:
      return fail(Reason::bad_image,
                  "JPEG: more than " + std::to_string(options_.max_jpeg_scans) + " scans");
    case Codec::Outcome::broken:
      break;
  }
  return fail(Reason::bad_image, "JPEG: " + codec_->message());
}

}  // namespace millrace
