// Any bytes as an image: decoded, and where that works resized, cropped and normalised.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/steps/clip_image.h"
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
                                   .exif_orientation = ExifOrientation::apply};
  static ImageDecoder keeping(kOptions);
  static ImageDecoder upright(kUpright);
  (void)read_exif_orientation(field);
  (void)read_xmp_orientation(field);
  unsigned sum = 0;
  for (ImageDecoder* decoder : {&keeping, &upright}) {
    const auto image = decoder->decode(field);
    if (!image) continue;
    sum += read_all(*image);
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
  return sum == 1 ? 1 : 0;
}
