// Any bytes as an image: decoded, and where that works resized, cropped and normalised.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/steps/clip_image.h"
#include "millrace/transforms/steps/image_transform.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

/// Sum of all bytes, so that a sanitizer sees each of them read.
unsigned read_all(millrace::ImageView image) {
  unsigned sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < 3 * image.width; ++x) sum += image.row(y)[x];
  }
  return sum;
}

/// With every option that changes what is made of a file: the image, and a part of it.
unsigned decode_by_options(std::span<const std::uint8_t> field) {
  using namespace millrace;  // NOLINT: one function
  constexpr DecodeOptions kOptions{.max_image_pixels = 1 << 16,
                                   .exif_orientation = ExifOrientation::apply,
                                   .alpha = AlphaMode::composite,
                                   .truncated = TruncatedImages::keep,
                                   .fast_scale = true};
  constexpr DecodeOptions kUpright{.max_image_pixels = 1 << 16,
                                   .exif_orientation = ExifOrientation::apply,
                                   .color_mode = ColorMode::native};
  static ImageDecoder keeping(kOptions);
  static ImageDecoder upright(kUpright);
  (void)read_exif_orientation(field);
  (void)read_xmp_orientation(field);
  unsigned sum = 0;
  for (ImageDecoder* decoder : {&keeping, &upright}) {
    const auto image = decoder->decode(field);
    if (!image) continue;
    sum += read_all(*image);
    for (const ImageView plane : {image->native.color, image->native.fourth}) {
      if (plane.data == nullptr) continue;
      require(plane.width == image->width && plane.height == image->height);
      sum += read_all(plane);
    }
    const auto size = decoder->measure(field);
    require(size && *size == ImageSize{image->width, image->height});
    const ImageWindow window{size->width / 3, size->height / 3, (size->width + 2) / 3,
                             (size->height + 2) / 3};
    const auto part = decoder->decode_for(field, window, {1 + size->width / 9, 1});
    require(part.has_value());
    sum += read_all(part->pixels);
  }
  return sum;
}

/// Steps of every kind, in the file's own mode as long as they only move pixels.
std::unique_ptr<millrace::SlotWriter> augmenting_writer(const millrace::DecodeOptions& decode) {
  using namespace millrace;  // NOLINT: one function
  ImageTransformOptions options;
  options.decode = decode;
  options.decode.color_mode = ColorMode::native;
  options.steps = {RandomResizedCrop{.size = {40, 40}},
                   Resize{ResizeTo::longest, {33, 33}, Filter::lanczos},
                   CenterCrop{.size = {36, 30}, .fill = {9, 9, 9}},
                   HorizontalFlip{},
                   ColorJitter{{0.6F, 1.4F}, {0.6F, 1.4F}, {0.6F, 1.4F}, {-0.1F, 0.1F}},
                   GaussianBlur{},
                   GaussianBlur{.kernel_size = 15},
                   Solarize{},
                   RandAugment{}};
  options.output = {Dtype::uint8, PixelLayout::hwc};
  return image_transform(options)->make_writer();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;  // NOLINT: one function
  constexpr DecodeOptions kOptions{.max_image_pixels = 1 << 16};
  static ImageDecoder decoder(kOptions);
  static const std::unique_ptr<SlotWriter> writer = clip_transform(64, kOptions)->make_writer();
  static std::vector<float> slot(std::size_t{3} * 64 * 64);

  const std::span<const std::uint8_t> field(data, size);
  unsigned sum = decode_by_options(field);
  const auto image = decoder.decode(field);
  if (!image) return 0;
  sum += read_all(*image);
  StageTimes times;
  const auto written = writer->write(field, std::as_writable_bytes(std::span(slot)), {}, times);
  // What decodes can only fail later if it is too narrow to be resized.
  require(written || image->width > 64 * image->height || image->height > 64 * image->width);
  static const std::unique_ptr<SlotWriter> augmenting = augmenting_writer(kOptions);
  static std::vector<std::uint8_t> bytes(std::size_t{3} * 36 * 30);
  const auto augmented =
      augmenting->write(field, std::as_writable_bytes(std::span(bytes)), {size}, times);
  require(augmented.has_value());
  return sum == 1 ? 1 : 0;
}
