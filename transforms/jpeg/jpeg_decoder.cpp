#include "millrace/transforms/jpeg/jpeg_decoder.h"

#include <algorithm>
#include <array>
#include <string>

#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/decode/orientation.h"
#include "millrace/transforms/jpeg/jpeg_baseline.h"

namespace millrace {
namespace {

/// Where a row begins on a multiple of 32 bytes, libjpeg-turbo's colour conversion writes past the
/// caches, and the resize that follows finds nothing in them: a twelfth of the decoding time.
constexpr std::size_t kOffAlignmentBytes = 16;

MutableImageView image_at(std::uint8_t* memory, ImageSize size) {
  return {memory + kOffAlignmentBytes, size.width, size.height,
          PixelBuffer::rgb_stride_bytes(size.width)};
}

std::size_t memory_bytes(ImageSize size, std::size_t slack_bytes) {
  const std::size_t bytes =
      kOffAlignmentBytes + slack_bytes +
      PixelBuffer::rgb_stride_bytes(size.width) * static_cast<std::size_t>(size.height);
  return (bytes + PixelBuffer::kAlignment - 1) / PixelBuffer::kAlignment * PixelBuffer::kAlignment;
}

/// Where the upright window lies in the image as it is stored; none: everywhere.
ImageWindow stored_part(const std::optional<ImageWindow>& window, ImageSize size, int orientation) {
  if (!window) return {0, 0, size.width, size.height};
  return stored_window(*window, size, orientation);
}

/// The rows of `window`, as wide as the image.
MutableImageView rows_of(MutableImageView image, const ImageWindow& window) {
  return {image.row(window.top), image.width, window.height, image.stride_bytes};
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

void JpegDecoder::decode_together(std::span<JpegJob> jobs, PixelBuffer& pixels) {
  if (baseline_ == nullptr) return;
  std::array<jpeg::BaselineDecoder::Job, kMostTogether> plain;
  std::array<std::size_t, kMostTogether> number{};
  std::array<int, kMostTogether> orientation{};
  std::size_t count = 0;
  std::int64_t pixel_count = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < std::min(jobs.size(), kMostTogether); ++i) {
    const Result<JpegFrame> frame = read_frame(jobs[i].file, orientation[count]);
    if (!frame) continue;
    const ImageSize size{frame->width, frame->height};
    const std::int64_t more = std::int64_t{size.width} * size.height;
    if (pixel_count + more > kMostPixelsTogether) continue;
    pixel_count += more;
    bytes += memory_bytes(size, jpeg::kRgbSlackBytes);
    number[count] = i;
    plain[count] = {jobs[i].file, size, stored_part(jobs[i].window, size, orientation[count]), {}};
    ++count;
  }
  std::uint8_t* memory = pixels.reserve(bytes);
  std::array<MutableImageView, kMostTogether> images;
  for (std::size_t i = 0; i < count; ++i) {
    images[i] = image_at(memory, plain[i].size);
    plain[i].pixels = rows_of(images[i], plain[i].window);
    memory += memory_bytes(plain[i].size, jpeg::kRgbSlackBytes);
  }
  baseline_->decode(std::span(plain).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    JpegJob& job = jobs[number[i]];
    job.was_tried = true;
    if (plain[i].decoded) job.image = StoredImage{images[i], orientation[i], {}};
  }
}

Result<StoredImage> JpegDecoder::decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                                        NativeBuffers& native, const JpegChoice& choice) {
  StoredImage image;
  const Result<JpegFrame> frame = read_frame(data, image.orientation);
  if (!frame) return tl::unexpected(frame.error());
  const ImageSize size{(frame->width + choice.scale - 1) / choice.scale,
                       (frame->height + choice.scale - 1) / choice.scale};
  // libjpeg does not tell, where it skips, that the data have ended.
  const bool makes_whole = options_.truncated == TruncatedImages::keep;
  LibjpegDecoder::Part part{
      choice.scale,
      stored_part(makes_whole ? std::nullopt : choice.window, size, image.orientation),
      {},
      {}};

  const std::size_t slack_bytes =
      std::max(LibjpegDecoder::scratch_bytes(*frame), jpeg::kRgbSlackBytes);
  const MutableImageView whole = image_at(pixels.reserve(memory_bytes(size, slack_bytes)), size);
  const MutableImageView rows = rows_of(whole, part.window);
  image.pixels = whole;
  if (options_.color_mode == ColorMode::native && frame->components == 4) {
    const MutableImageView cmy = image_at(native.color.reserve(memory_bytes(size, 0)), size);
    const MutableImageView black = image_at(native.fourth.reserve(memory_bytes(size, 0)), size);
    part.cmy = rows_of(cmy, part.window);
    part.black = rows_of(black, part.window);
    image.native = {NativeMode::cmyk, cmy, black, nullptr};
  }
  if (baseline_ != nullptr && choice.scale == 1 && !choice.by_libjpeg &&
      baseline_->decode(data, size, part.window, rows)) {
    return image;
  }
  switch (libjpeg_.decode(data, *frame, part, rows, whole.row(whole.height))) {
    case LibjpegDecoder::Outcome::decoded:
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
