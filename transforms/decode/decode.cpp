#include "millrace/transforms/decode/decode.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/decode/orientation.h"
#include "millrace/transforms/decode/png_decoder.h"
#include "millrace/transforms/decode/webp_decoder.h"
#include "millrace/transforms/jpeg/jpeg_decoder.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {

namespace {

void validate(const ImageWindow& window, ImageSize image) {
  const bool lies_within = window.left >= 0 && window.top >= 0 && window.width >= 1 &&
                           window.height >= 1 && window.left <= image.width - window.width &&
                           window.top <= image.height - window.height;
  if (lies_within) return;
  throw std::invalid_argument("window = (" + std::to_string(window.left) + ", " +
                              std::to_string(window.top) + ", " + std::to_string(window.width) +
                              ", " + std::to_string(window.height) + ") must lie within " +
                              std::to_string(image.width) + " x " + std::to_string(image.height));
}

/// The largest of libjpeg's scales at which `window` still has the pixels of `target`.
int scale_for(const ImageWindow& window, ImageSize target) {
  for (const int scale : {8, 4, 2}) {
    if (window.width / scale >= target.width && window.height / scale >= target.height) {
      return scale;
    }
  }
  return 1;
}

BoxedImage whole_of(ImageView image) {
  return {image, {0, 0, static_cast<double>(image.width), static_cast<double>(image.height)}};
}

tl::unexpected<Error> refuse(std::span<const std::uint8_t> data, ImageKind kind) {
  const std::string_view name =
      kind == ImageKind::unknown ? rare_image_name(data) : image_kind_name(kind);
  if (name.empty()) {
    return fail(Reason::bad_image, data.empty() ? "no bytes at all" : "the bytes are no image");
  }
  return fail(Reason::unsupported_image,
              std::string(name) + " images are not decoded: store them as JPEG, PNG or WebP");
}

}  // namespace

struct ImageDecoder::Parts {
  explicit Parts(const DecodeOptions& given)
      : options(given), jpeg(given), png(given), webp(given) {}

  /// `choice` counts for JPEG alone.
  Result<StoredImage> decode(std::span<const std::uint8_t> data, ImageKind kind,
                             const JpegChoice& choice);
  Result<StoredImage> measure(std::span<const std::uint8_t> data, ImageKind kind);

  DecodeOptions options;
  PixelBuffer pixels;
  PixelBuffer turned;
  std::array<PixelBuffer, kMostTogether> pixels_together;
  std::array<PixelBuffer, kMostTogether> turned_together;
  JpegDecoder jpeg;
  PngDecoder png;
  WebpDecoder webp;
};

Result<StoredImage> ImageDecoder::Parts::decode(std::span<const std::uint8_t> data, ImageKind kind,
                                                const JpegChoice& choice) {
  if (kind == ImageKind::jpeg) return jpeg.decode(data, pixels, choice);
  if (kind == ImageKind::png) return png.decode(data, pixels);
  if (kind == ImageKind::webp) return webp.decode(data, pixels);
  return refuse(data, kind);
}

Result<StoredImage> ImageDecoder::Parts::measure(std::span<const std::uint8_t> data,
                                                 ImageKind kind) {
  if (kind == ImageKind::jpeg) return jpeg.measure(data);
  // Metadata may stand behind the image data, which are read as far as they are whole.
  if (kind == ImageKind::png && options.exif_orientation == ExifOrientation::apply) {
    return png.decode(data, pixels);
  }
  if (kind == ImageKind::png) return png.measure(data);
  if (kind == ImageKind::webp) return webp.measure(data);
  return refuse(data, kind);
}

ImageDecoder::ImageDecoder(const DecodeOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}

ImageDecoder::~ImageDecoder() = default;

Result<ImageSize> ImageDecoder::measure(std::span<const std::uint8_t> data) {
  const Result<StoredImage> image = parts_->measure(data, sniff_image(data));
  if (!image) return tl::unexpected(image.error());
  return upright_size({image->pixels.width, image->pixels.height}, image->orientation);
}

Result<ImageView> ImageDecoder::decode(std::span<const std::uint8_t> data) {
  const Result<StoredImage> image = parts_->decode(data, sniff_image(data), {});
  if (!image) return tl::unexpected(image.error());
  return turn_upright(image->pixels, image->orientation, parts_->turned);
}

void ImageDecoder::decode_together(std::span<const std::span<const std::uint8_t>> files,
                                   std::span<std::optional<ImageView>> images) {
  std::fill(images.begin(), images.end(), std::nullopt);
  for (const auto& file : files) {
    if (sniff_image(file) != ImageKind::jpeg) return;
  }
  std::array<std::optional<StoredImage>, kMostTogether> stored;
  parts_->jpeg.decode_together(files, parts_->pixels_together,
                               std::span(stored).first(files.size()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!stored[i]) continue;
    images[i] = turn_upright(stored[i]->pixels, stored[i]->orientation, parts_->turned_together[i]);
  }
}

Result<ImageView> ImageDecoder::decode(std::span<const std::uint8_t> data,
                                       const ImageWindow& window) {
  const Result<BoxedImage> image = decode_scaled(data, window, 1);
  if (!image) return tl::unexpected(image.error());
  return image->pixels;
}

Result<BoxedImage> ImageDecoder::decode_for(std::span<const std::uint8_t> data,
                                            const ImageWindow& window, ImageSize target) {
  return decode_scaled(data, window, parts_->options.fast_scale ? scale_for(window, target) : 1);
}

Result<BoxedImage> ImageDecoder::decode_scaled(std::span<const std::uint8_t> data,
                                               const ImageWindow& window, int scale) {
  const ImageKind kind = sniff_image(data);
  if (kind != ImageKind::jpeg) {
    const Result<StoredImage> image = parts_->decode(data, kind, {});
    if (!image) return tl::unexpected(image.error());
    const ImageSize stored{image->pixels.width, image->pixels.height};
    validate(window, upright_size(stored, image->orientation));
    const ImageView part =
        part_of(image->pixels, stored_window(window, stored, image->orientation));
    return whole_of(turn_upright(part, image->orientation, parts_->turned));
  }
  const Result<StoredImage> told = parts_->jpeg.measure(data);
  if (!told) return tl::unexpected(told.error());
  const ImageSize stored{told->pixels.width, told->pixels.height};
  validate(window, upright_size(stored, told->orientation));
  JpegChoice choice;
  choice.scale = scale;
  if (scale == 1) choice.window = stored_window(window, stored, told->orientation);
  const Result<StoredImage> image = parts_->jpeg.decode(data, parts_->pixels, choice);
  if (!image) return tl::unexpected(image.error());
  BoxedImage boxed = whole_of(turn_upright(image->pixels, image->orientation, parts_->turned));
  if (scale > 1) {
    const double right = static_cast<double>(window.left + window.width) / scale;
    const double bottom = static_cast<double>(window.top + window.height) / scale;
    boxed.box = {static_cast<double>(window.left) / scale, static_cast<double>(window.top) / scale,
                 right, bottom};
  }
  return boxed;
}

}  // namespace millrace
