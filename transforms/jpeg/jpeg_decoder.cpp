#include "millrace/transforms/jpeg/jpeg_decoder.h"

#include <algorithm>
#include <array>
#include <string>

#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/jpeg/jpeg_baseline.h"

namespace millrace {
namespace {

/// Where a row begins on a multiple of 32 bytes, libjpeg-turbo's colour conversion writes past the
/// caches, and the resize that follows finds nothing in them: a twelfth of the decoding time.
constexpr std::size_t kOffAlignmentBytes = 16;

/// Rows as wide as the image, and `slack_bytes` behind them.
MutableImageView reserve_rows(PixelBuffer& pixels, int width, int rows, std::size_t slack_bytes) {
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(width);
  const std::size_t image_bytes = stride_bytes * static_cast<std::size_t>(rows);
  std::uint8_t* memory = pixels.reserve(kOffAlignmentBytes + image_bytes + slack_bytes);
  return {memory + kOffAlignmentBytes, width, rows, stride_bytes};
}

}  // namespace

JpegDecoder::JpegDecoder(const DecodeOptions& options)
    : options_(options),
      libjpeg_(options),
      baseline_(options.jpeg_decoder == JpegPath::turbo
                    ? nullptr
                    : std::make_unique<jpeg::BaselineDecoder>(true)) {}

JpegDecoder::~JpegDecoder() = default;

Result<JpegFrame> JpegDecoder::read_frame(std::span<const std::uint8_t> data, int& orientation) {
  JpegMetadata* metadata = nullptr;
  if (options_.exif_orientation == ExifOrientation::apply) {
    metadata = &metadata_;
    metadata->clear();
  }
  Result<JpegFrame> frame = read_jpeg_frame(data, metadata);
  if (!frame) return frame;
  if (auto fits = check_pixel_count(frame->width, frame->height, options_); !fits) {
    return tl::unexpected(fits.error());
  }
  orientation = 1;
  if (metadata != nullptr) {
    const Result<int> says = metadata->orientation();
    if (!says) return tl::unexpected(says.error());
    orientation = *says;
  }
  return frame;
}

Result<StoredImage> JpegDecoder::measure(std::span<const std::uint8_t> data) {
  StoredImage image;
  const Result<JpegFrame> frame = read_frame(data, image.orientation);
  if (!frame) return tl::unexpected(frame.error());
  image.pixels.width = frame->width;
  image.pixels.height = frame->height;
  return image;
}

void JpegDecoder::decode_together(std::span<const std::span<const std::uint8_t>> files,
                                  std::span<PixelBuffer> pixels,
                                  std::span<std::optional<StoredImage>> images) {
  if (baseline_ == nullptr) return;
  std::array<jpeg::BaselineDecoder::Job, kMostTogether> jobs;
  std::array<int, kMostTogether> orientations{};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Result<JpegFrame> frame = read_frame(files[i], orientations[i]);
    if (!frame || std::int64_t{frame->width} * frame->height > kMostPixelsTogether) return;
    const ImageSize size{frame->width, frame->height};
    jobs[i] = {files[i],
               size,
               {0, 0, size.width, size.height},
               reserve_rows(pixels[i], size.width, size.height, jpeg::kRgbSlackBytes)};
  }
  baseline_->decode(std::span(jobs).first(files.size()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (jobs[i].decoded) images[i] = StoredImage{jobs[i].pixels, orientations[i]};
  }
}

Result<StoredImage> JpegDecoder::decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                                        const JpegChoice& choice) {
  StoredImage image;
  const Result<JpegFrame> frame = read_frame(data, image.orientation);
  if (!frame) return tl::unexpected(frame.error());
  LibjpegDecoder::Part part;
  part.scale = choice.scale;
  const ImageSize size{(frame->width + choice.scale - 1) / choice.scale,
                       (frame->height + choice.scale - 1) / choice.scale};
  const ImageWindow whole{0, 0, size.width, size.height};
  part.window = choice.window.value_or(whole);
  // libjpeg does not tell, where it skips, that the data have ended.
  const bool makes_whole = options_.truncated == TruncatedImages::keep;
  if (makes_whole) part.window = whole;

  const MutableImageView rows =
      reserve_rows(pixels, size.width, part.window.height,
                   std::max(LibjpegDecoder::scratch_bytes(*frame), jpeg::kRgbSlackBytes));
  if (baseline_ != nullptr && choice.scale == 1 &&
      baseline_->decode(data, size, part.window, rows)) {
    ImageWindow within = choice.window.value_or(whole);
    within.top -= part.window.top;
    image.pixels = part_of(rows, within);
    return image;
  }
  std::uint8_t* scratch = rows.row(rows.height);
  switch (libjpeg_.decode(data, *frame, part, rows, scratch, image.pixels)) {
    case LibjpegDecoder::Outcome::decoded:
      if (makes_whole && choice.window) image.pixels = part_of(image.pixels, *choice.window);
      return image;
    case LibjpegDecoder::Outcome::cut_short:
      return fail(Reason::bad_image, "JPEG: the file is cut short");
    case LibjpegDecoder::Outcome::too_many_scans:
      return fail(Reason::bad_image,
                  "JPEG: more than " + std::to_string(options_.max_jpeg_scans) + " scans");
    case LibjpegDecoder::Outcome::broken:
      break;
  }
  return fail(Reason::bad_image, "JPEG: " + libjpeg_.message());
}

}  // namespace millrace
