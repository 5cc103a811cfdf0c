#include "millrace/transforms/decode/decode.h"

#include <algorithm>
#include <optional>
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

std::size_t turned_bytes(const std::optional<StoredImage>& image) {
  if (!image) return 0;
  return millrace::turned_bytes({image->pixels.width, image->pixels.height}, image->orientation);
}

ImageSize upright_size(const StoredImage& image) {
  return millrace::upright_size({image.pixels.width, image.pixels.height}, image.orientation);
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

  /// `was_tried` as Job::was_tried.
  Result<StoredImage> decode(std::span<const std::uint8_t> data, ImageKind kind, bool was_tried);
  Result<StoredImage> measure(std::span<const std::uint8_t> data, ImageKind kind);

  DecodeOptions options;
  PixelBuffer pixels;
  PixelBuffer turned;
  NativeBuffers native;
  NativeBuffers native_turned;
  PixelBuffer pixels_together;
  PixelBuffer turned_together;
  JpegDecoder jpeg;
  PngDecoder png;
  WebpDecoder webp;
};

Result<StoredImage> ImageDecoder::Parts::decode(std::span<const std::uint8_t> data, ImageKind kind,
                                                bool was_tried) {
  if (kind == ImageKind::jpeg)
    return jpeg.decode(data, pixels, native, {1, std::nullopt, was_tried});
  if (kind == ImageKind::png) return png.decode(data, pixels, native);
  if (kind == ImageKind::webp) return webp.decode(data, pixels, native);
  return refuse(data, kind);
}

Result<StoredImage> ImageDecoder::Parts::measure(std::span<const std::uint8_t> data,
                                                 ImageKind kind) {
  if (kind == ImageKind::jpeg) return jpeg.measure(data);
  // Metadata may stand behind the image data, which are read as far as they are whole.
  if (kind == ImageKind::png && options.exif_orientation == ExifOrientation::apply) {
    return png.decode(data, pixels, native);
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
  return upright_size(*image);
}

Result<DecodedImage> ImageDecoder::decode(std::span<const std::uint8_t> data) {
  return decode(Job{data, std::nullopt, std::nullopt});
}

void ImageDecoder::decode_together(std::span<Job> jobs) {
  static_assert(kMostTogether == JpegDecoder::kMostTogether);
  std::array<JpegJob, kMostTogether> jpegs;
  std::array<std::size_t, kMostTogether> number{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min(jobs.size(), kMostTogether); ++i) {
    jobs[i].image.reset();
    jobs[i].was_tried = false;
    if (sniff_image(jobs[i].file) != ImageKind::jpeg) continue;
    number[count] = i;
    jpegs[count++] = {jobs[i].file, jobs[i].needed, std::nullopt, false};
  }
  parts_->jpeg.decode_together(std::span(jpegs).first(count), parts_->pixels_together);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += turned_bytes(jpegs[i].image);
  std::uint8_t* memory = parts_->turned_together.reserve(bytes);
  for (std::size_t i = 0; i < count; ++i) {
    Job& job = jobs[number[i]];
    job.was_tried = jpegs[i].was_tried;
    const std::optional<StoredImage>& stored = jpegs[i].image;
    if (!stored) continue;
    // Files that are decoded so have no other mode than RGB or gray.
    job.image = {turn_upright(stored->pixels, stored->orientation, job.needed, memory), {}};
    memory += turned_bytes(stored);
  }
}

Result<DecodedImage> ImageDecoder::decode(const Job& job) {
  const Result<StoredImage> image =
      job.needed ? decode_part(job.file, *job.needed, job.was_tried)
                 : parts_->decode(job.file, sniff_image(job.file), job.was_tried);
  if (!image) return tl::unexpected(image.error());
  const auto upright = [&](ImageView view, PixelBuffer& turned) {
    return turn_upright(view, image->orientation, job.needed, turned);
  };
  DecodedImage decoded{upright(image->pixels, parts_->turned), image->native};
  NativeImage& native = decoded.native;
  if (native.color.data == image->pixels.data) {
    native.color = decoded;
  } else if (native.color.data != nullptr) {
    native.color = upright(native.color, parts_->native_turned.color);
  }
  if (native.fourth.data != nullptr) {
    native.fourth = upright(native.fourth, parts_->native_turned.fourth);
  }
  return decoded;
}

Result<ImageView> ImageDecoder::decode(std::span<const std::uint8_t> data,
                                       const ImageWindow& window) {
  const Result<StoredImage> image = decode_part(data, window, false);
  if (!image) return tl::unexpected(image.error());
  const ImageSize stored{image->pixels.width, image->pixels.height};
  const ImageView part = part_of(image->pixels, stored_window(window, stored, image->orientation));
  return turn_upright(part, image->orientation, std::nullopt, parts_->turned);
}

Result<StoredImage> ImageDecoder::decode_part(std::span<const std::uint8_t> data,
                                              const ImageWindow& window, bool was_tried) {
  const ImageKind kind = sniff_image(data);
  if (kind == ImageKind::jpeg) {
    const Result<StoredImage> told = parts_->jpeg.measure(data);
    if (!told) return tl::unexpected(told.error());
    validate(window, upright_size(*told));
    return parts_->jpeg.decode(data, parts_->pixels, parts_->native, {1, window, was_tried});
  }
  Result<StoredImage> image = parts_->decode(data, kind, false);
  if (image) validate(window, upright_size(*image));
  return image;
}

Result<BoxedImage> ImageDecoder::decode_for(std::span<const std::uint8_t> data,
                                            const ImageWindow& window, ImageSize target) {
  const int scale = parts_->options.fast_scale && sniff_image(data) == ImageKind::jpeg
                        ? scale_for(window, target)
                        : 1;
  if (scale == 1) {
    const Result<ImageView> part = decode(data, window);
    if (!part) return tl::unexpected(part.error());
    return BoxedImage{*part,
                      {0, 0, static_cast<double>(part->width), static_cast<double>(part->height)}};
  }
  const Result<StoredImage> told = parts_->jpeg.measure(data);
  if (!told) return tl::unexpected(told.error());
  validate(window, upright_size(*told));
  const Result<StoredImage> image =
      parts_->jpeg.decode(data, parts_->pixels, parts_->native, {scale, std::nullopt, false});
  if (!image) return tl::unexpected(image.error());
  const auto scaled = [scale](int at) { return static_cast<double>(at) / scale; };
  return BoxedImage{turn_upright(image->pixels, image->orientation, std::nullopt, parts_->turned),
                    {scaled(window.left), scaled(window.top), scaled(window.left + window.width),
                     scaled(window.top + window.height)}};
}

}  // namespace millrace
