#include "millrace/transforms/jpeg/libjpeg_decoder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include <jpeglib.h>

#include "millrace/transforms/jpeg/jpeg_errors-inl.h"
#include "millrace/transforms/jpeg/jpeg_memory.h"
#include "millrace/transforms/jpeg/jpeg_smoothing.h"
#include "millrace/transforms/native_image.h"

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

/// Parts libjpeg's CMYK, which is read as inverted (Adobe's habit), whether a marker says so or
/// not.
void split_cmyk(const std::uint8_t* cmyk, int width, std::uint8_t* cmy, std::uint8_t* black) {
  for (int x = 0; x < width; ++x, cmyk += 4, cmy += 3, black += 3) {
    for (int c = 0; c < 3; ++c) {
      cmy[c] = static_cast<std::uint8_t>(255 - cmyk[c]);
      black[c] = static_cast<std::uint8_t>(255 - cmyk[3]);
    }
  }
}

/// The same, on Pillow's way to RGB.
void unpack_cmyk(const std::uint8_t* cmyk, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    std::array<std::uint8_t, 3> cmy{};
    for (std::size_t c = 0; c < 3; ++c) cmy[c] = static_cast<std::uint8_t>(255 - cmyk[c]);
    cmyk_to_rgb(cmy.data(), 255 - cmyk[3], rgb);
  }
}

bool is_decodable_frame(int marker) {
  return (marker >= 0xC0 && marker <= 0xC2) || marker == 0xC9 || marker == 0xCA;
}

/// Errors that jump, and what else libjpeg tells noted.
struct DecodeErrors : JpegErrors {
  ScanProgress progress;

  DecodeErrors() { emit_message = notes; }

 private:
  static void notes(j_common_ptr cinfo, int /*level*/) {
    auto& errors = *static_cast<DecodeErrors*>(cinfo->err);
    errors.progress.note(errors, reinterpret_cast<j_decompress_ptr>(cinfo)->input_iMCU_row);
  }
};

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

/// The source is one span. Where it ends libjpeg suspends, as it does in Pillow, instead of making
/// up an end-of-image marker: that is how a file that is cut short is told from a damaged one.
struct JpegSource : jpeg_source_mgr {
  std::size_t owed = 0;  ///< bytes to be skipped that were not there

  JpegSource() : jpeg_source_mgr() {
    init_source = begins;
    fill_input_buffer = has_no_more;
    skip_input_data = skips;
    resync_to_restart = jpeg_resync_to_restart;
    term_source = ends;
  }

 private:
  static void begins(j_decompress_ptr /*cinfo*/) {}
  static boolean has_no_more(j_decompress_ptr /*cinfo*/) { return FALSE; }
  static void skips(j_decompress_ptr cinfo, long bytes) {  // NOLINT: libjpeg's type
    if (bytes <= 0) return;
    auto& source = *static_cast<JpegSource*>(cinfo->src);
    const auto wanted = static_cast<std::size_t>(bytes);
    const std::size_t skipped = std::min(wanted, source.bytes_in_buffer);
    source.next_input_byte += skipped;
    source.bytes_in_buffer -= skipped;
    source.owed += wanted - skipped;
  }
  static void ends(j_decompress_ptr /*cinfo*/) {}
};

}  // namespace

struct LibjpegDecoder::Codec {
  explicit Codec(const DecodeOptions& options);
  ~Codec() { jpeg_destroy_decompress(&cinfo); }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  Outcome decode(std::span<const std::uint8_t> data, const JpegFrame& frame, const Part& part,
                 MutableImageView rows, std::uint8_t* scratch);
  void begin(std::span<const std::uint8_t> data);
  bool put_end_marker();
  Outcome read(const JpegFrame& frame, const Part& part, MutableImageView rows,
               std::uint8_t* scratch);
  Outcome start(const JpegFrame& frame, const Part& part);
  bool start_progressive();
  bool read_rows(int count, const Part& part, MutableImageView rows, std::uint8_t* scratch);
  bool read_window(const Part& part, MutableImageView rows, std::uint8_t* scratch);
  void blacken(const JpegFrame& frame, const Part& part, MutableImageView rows) const;

  jpeg_decompress_struct cinfo{};
  DecodeErrors errors;
  JpegSource source;
  ScanLimit scans{};
  JpegMemory memory;
  bool keeps_truncated;
  bool has_end_marker = false;
  std::vector<std::uint8_t> tail;  ///< what libjpeg had not read when the data ended, and a marker
  int rows_read = 0;               ///< of the window
  int first_column = 0;            ///< of the image, in a row that is read
};

LibjpegDecoder::Codec::Codec(const DecodeOptions& options)
    : memory(memory_limit_bytes(options)),
      keeps_truncated(options.truncated == TruncatedImages::keep) {
  cinfo.err = &errors;
  if (setjmp(errors.jump) != 0) throw std::bad_alloc();  // NOLINT: libjpeg is C
  jpeg_create_decompress(&cinfo);
  cinfo.client_data = &memory;
  JpegMemory::install(reinterpret_cast<j_common_ptr>(&cinfo));
  cinfo.src = &source;
  scans.progress_monitor = check_scan_count;
  scans.max_scans = options.max_jpeg_scans;
  cinfo.progress = &scans;
}

void LibjpegDecoder::Codec::begin(std::span<const std::uint8_t> data) {
  jpeg_abort_decompress(&cinfo);
  // Tables outlive an image in libjpeg; a file without its own must not get another file's.
  std::fill(std::begin(cinfo.quant_tbl_ptrs), std::end(cinfo.quant_tbl_ptrs), nullptr);
  std::fill(std::begin(cinfo.dc_huff_tbl_ptrs), std::end(cinfo.dc_huff_tbl_ptrs), nullptr);
  std::fill(std::begin(cinfo.ac_huff_tbl_ptrs), std::end(cinfo.ac_huff_tbl_ptrs), nullptr);
  memory.reset();
  scans.exceeded = false;
  errors.progress = {};
  cinfo.buffered_image = FALSE;
  source.next_input_byte = data.data();
  source.bytes_in_buffer = data.size();
  source.owed = 0;
  has_end_marker = false;
  rows_read = 0;
  first_column = 0;
}

/// Pillow's LOAD_TRUNCATED_IMAGES: where the data end, an end-of-image marker follows, once. False
/// where that is not wanted or was done before.
bool LibjpegDecoder::Codec::put_end_marker() {
  if (!keeps_truncated || has_end_marker) return false;
  has_end_marker = true;
  tail.assign(source.next_input_byte, source.next_input_byte + source.bytes_in_buffer);
  tail.insert(tail.end(), {0xFF, JPEG_EOI});
  const std::size_t skipped = std::min(source.owed, tail.size());
  source.owed -= skipped;
  source.next_input_byte = tail.data() + skipped;
  source.bytes_in_buffer = tail.size() - skipped;
  return true;
}

LibjpegDecoder::Outcome LibjpegDecoder::Codec::decode(std::span<const std::uint8_t> data,
                                                      const JpegFrame& frame, const Part& part,
                                                      MutableImageView rows,
                                                      std::uint8_t* scratch) {
  // Nothing with a destructor lives in this frame or in those below: an error jumps out of them.
  if (setjmp(errors.jump) != 0) {  // NOLINT: libjpeg is C
    return scans.exceeded ? Outcome::too_many_scans : Outcome::broken;
  }
  begin(data);
  return read(frame, part, rows, scratch);
}

LibjpegDecoder::Outcome LibjpegDecoder::Codec::start(const JpegFrame& frame, const Part& part) {
  int header = JPEG_HEADER_TABLES_ONLY;
  while (header != JPEG_HEADER_OK) {
    header = jpeg_read_header(&cinfo, FALSE);
    if (header == JPEG_SUSPENDED && !put_end_marker()) return Outcome::cut_short;
  }
  if (cinfo.num_components != frame.components) return Outcome::broken;
  cinfo.out_color_space = frame.components == 4 ? JCS_CMYK : JCS_RGB;
  cinfo.scale_num = 1;
  cinfo.scale_denom = static_cast<unsigned>(part.scale);
  if (cinfo.progressive_mode != FALSE) {
    if (!start_progressive()) return Outcome::cut_short;
  } else {
    while (jpeg_start_decompress(&cinfo) == FALSE) {
      if (!put_end_marker()) return Outcome::cut_short;
    }
  }
  const bool is_as_told = cinfo.image_width == static_cast<JDIMENSION>(frame.width) &&
                          cinfo.image_height == static_cast<JDIMENSION>(frame.height);
  return is_as_told ? Outcome::decoded : Outcome::broken;
}

/// All scans are read before there are pixels, as without buffered-image mode; with it the
/// coefficients can be reached in between. False where the data end first.
bool LibjpegDecoder::Codec::start_progressive() {
  cinfo.buffered_image = TRUE;
  cinfo.do_block_smoothing = FALSE;
  jpeg_start_decompress(&cinfo);
  for (int got = JPEG_SUSPENDED; got != JPEG_REACHED_EOI;) {
    errors.progress.begin_row(cinfo.input_iMCU_row);
    got = jpeg_consume_input(&cinfo);
    if (got == JPEG_REACHED_SOS) errors.progress.begin_scan();
    if (got == JPEG_SUSPENDED && !put_end_marker()) return false;
    check_scan_count(reinterpret_cast<j_common_ptr>(&cinfo));
  }
  smooth_blocks(cinfo, jpeg_read_coefficients(&cinfo), errors.progress);
  jpeg_start_output(&cinfo, cinfo.input_scan_number);
  return true;
}

bool LibjpegDecoder::Codec::read_rows(int count, const Part& part, MutableImageView rows,
                                      std::uint8_t* scratch) {
  std::array<JSAMPROW, 16> next{};
  for (int y = 0; y < count;) {
    const bool is_cmyk = cinfo.out_color_space == JCS_CMYK;
    const int wanted = is_cmyk ? 1 : std::min<int>(count - y, static_cast<int>(next.size()));
    const std::size_t begin = std::size_t{3} * static_cast<std::size_t>(first_column);
    for (int i = 0; i < wanted; ++i) next[static_cast<std::size_t>(i)] = rows.row(y + i) + begin;
    if (is_cmyk) next[0] = scratch;
    const auto got =
        static_cast<int>(jpeg_read_scanlines(&cinfo, next.data(), static_cast<JDIMENSION>(wanted)));
    if (got == 0 && !put_end_marker()) return false;
    if (is_cmyk && got == 1) {
      const auto width = static_cast<int>(cinfo.output_width);
      unpack_cmyk(scratch, width, rows.row(y) + begin);
      if (part.cmy.data != nullptr) {
        split_cmyk(scratch, width, part.cmy.row(y) + begin, part.black.row(y) + begin);
      }
    }
    y += got;
    rows_read += got;
  }
  return true;
}

bool LibjpegDecoder::Codec::read_window(const Part& part, MutableImageView rows,
                                        std::uint8_t* scratch) {
  const ImageWindow& window = part.window;
  const auto width = static_cast<int>(cinfo.output_width);
  if (window.width < width) {
    // Colours are blended with those of the pixels beside them: one more each way is the same as
    // all of them.
    auto left = static_cast<JDIMENSION>(std::max(window.left - 1, 0));
    auto columns = static_cast<JDIMENSION>(std::min(window.left + window.width + 1, width)) - left;
    jpeg_crop_scanline(&cinfo, &left, &columns);
    first_column = static_cast<int>(left);
  }
  if (window.top > 0) jpeg_skip_scanlines(&cinfo, static_cast<JDIMENSION>(window.top));
  if (!read_rows(window.height, part, rows, scratch)) return false;
  // Whether the data reach the end shows in the last row alone: skipping does not tell.
  const JDIMENSION left_over = cinfo.output_height - cinfo.output_scanline;
  if (left_over > 1) jpeg_skip_scanlines(&cinfo, left_over - 1);
  return left_over == 0 || read_rows(1, {}, {scratch, width, 1, 0}, scratch);
}

LibjpegDecoder::Outcome LibjpegDecoder::Codec::read(const JpegFrame& frame, const Part& part,
                                                    MutableImageView rows, std::uint8_t* scratch) {
  if (const Outcome started = start(frame, part); started != Outcome::decoded) return started;
  const bool is_whole = part.window.width == static_cast<int>(cinfo.output_width) &&
                        part.window.height == static_cast<int>(cinfo.output_height);
  const bool has_all = is_whole ? read_rows(part.window.height, part, rows, scratch)
                                : read_window(part, rows, scratch);
  if (!has_all) return Outcome::cut_short;
  // Whether the end-of-image marker follows no longer matters, but an error on the way to it does.
  // A second frame header is one, which libjpeg 3 finds even where the file ends right behind the
  // marker.
  if (cinfo.buffered_image != FALSE) jpeg_finish_output(&cinfo);
  const bool finished = jpeg_finish_decompress(&cinfo) != FALSE;
  return !finished && is_decodable_frame(cinfo.unread_marker) ? Outcome::broken : Outcome::decoded;
}

/// Rows that were not read, as Pillow's conversion of zeros to RGB has them.
void LibjpegDecoder::Codec::blacken(const JpegFrame& frame, const Part& part,
                                    MutableImageView rows) const {
  const int value = frame.components == 4 ? 255 : 0;
  for (int y = rows_read; y < rows.height; ++y) {
    const std::size_t row_bytes = std::size_t{3} * static_cast<std::size_t>(rows.width);
    std::memset(rows.row(y), value, row_bytes);
    if (part.cmy.data == nullptr) continue;
    std::memset(part.cmy.row(y), 0, row_bytes);
    std::memset(part.black.row(y), 0, row_bytes);
  }
}

LibjpegDecoder::LibjpegDecoder(const DecodeOptions& options)
    : codec_(std::make_unique<Codec>(options)) {}

LibjpegDecoder::~LibjpegDecoder() = default;

LibjpegDecoder::Outcome LibjpegDecoder::decode(std::span<const std::uint8_t> data,
                                               const JpegFrame& frame, const Part& part,
                                               MutableImageView rows, std::uint8_t* scratch) {
  const Outcome outcome = codec_->decode(data, frame, part, rows, scratch);
  if (codec_->keeps_truncated && (outcome == Outcome::cut_short || outcome == Outcome::broken)) {
    codec_->blacken(frame, part, rows);
    return Outcome::decoded;
  }
  return outcome;
}

std::string LibjpegDecoder::message() const {
  std::array<char, JMSG_LENGTH_MAX> text{};
  codec_->errors.format_message(reinterpret_cast<j_common_ptr>(&codec_->cinfo), text.data());
  return text.data();
}

}  // namespace millrace
