#include "millrace/transforms/decode.h"

#include <stdexcept>
#include <string>

#include "millrace/transforms/image_kind.h"
#include "millrace/transforms/jpeg_decoder.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/png_decoder.h"
#include "millrace/transforms/webp_decoder.h"

namespace millrace {

namespace {

ImageView part_of(ImageView image, const ImageWindow& window) {
  const bool lies_within = window.left >= 0 && window.top >= 0 && window.width >= 1 &&
                           window.height >= 1 && window.left <= image.width - window.width &&
                           window.top <= image.height - window.height;
  if (!lies_within) {
    throw std::invalid_argument("window = (" + std::to_string(window.left) + ", " +
                                std::to_string(window.top) + ", " + std::to_string(window.width) +
                                ", " + std::to_string(window.height) + ") must lie within " +
                                std::to_string(image.width) + " x " + std::to_string(image.height));
  }
  return {image.row(window.top) + std::size_t{3} * static_cast<std::size_t>(window.left),
          window.width, window.height, image.stride_bytes};
}

}  // namespace

struct ImageDecoder::Parts {
  explicit Parts(const DecodeOptions& options) : jpeg(options), png(options), webp(options) {}

  PixelBuffer pixels;
  JpegDecoder jpeg;
  PngDecoder png;
  WebpDecoder webp;
};

ImageDecoder::ImageDecoder(const DecodeOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}

ImageDecoder::~ImageDecoder() = default;

Result<ImageView> ImageDecoder::decode(std::span<const std::uint8_t> data) {
  const ImageKind kind = sniff_image(data);
  switch (kind) {
    case ImageKind::jpeg:
      return parts_->jpeg.decode(data, parts_->pixels);
    case ImageKind::png:
      return parts_->png.decode(data, parts_->pixels);
    case ImageKind::webp:
      return parts_->webp.decode(data, parts_->pixels);
    case ImageKind::unknown:
      return fail(Reason::bad_image, data.empty() ? "no bytes at all" : "the bytes are no image");
    default:
      return fail(Reason::unsupported_image,
                  std::string(image_kind_name(kind)) + " images are not decoded");
  }
}

Result<ImageView> ImageDecoder::decode(std::span<const std::uint8_t> data,
                                       const ImageWindow& window) {
  const Result<ImageView> image = decode(data);
  if (!image) return image;
  return part_of(*image, window);
}

Result<BoxedImage> ImageDecoder::decode_for(std::span<const std::uint8_t> data,
                                            const ImageWindow& window, ImageSize /*target*/) {
  const Result<ImageView> image = decode(data, window);
  if (!image) return tl::unexpected(image.error());
  return BoxedImage{*image,
                    {0, 0, static_cast<double>(image->width), static_cast<double>(image->height)}};
}

Result<ImageSize> ImageDecoder::measure(std::span<const std::uint8_t> data) {
  const Result<ImageView> image = decode(data);
  if (!image) return tl::unexpected(image.error());
  return ImageSize{image->width, image->height};
}

}  // namespace millrace
