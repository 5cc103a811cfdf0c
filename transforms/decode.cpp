#include "millrace/transforms/decode.h"

#include <optional>
#include <string>

#include "millrace/transforms/image_kind.h"
#include "millrace/transforms/jpeg_decoder.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/png_decoder.h"
#include "millrace/transforms/webp_decoder.h"

namespace millrace {

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

}  // namespace millrace
