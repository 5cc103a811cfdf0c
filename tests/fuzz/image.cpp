// Any bytes as an image: decoded, and where that works resized, cropped and normalised.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "millrace/transforms/clip_image.h"
#include "millrace/transforms/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;  // NOLINT: one function
  constexpr DecodeOptions kOptions{.max_image_pixels = 1 << 16};
  static ImageDecoder decoder(kOptions);
  static const std::unique_ptr<SlotWriter> writer = clip_transform(64, kOptions)->make_writer();
  static std::vector<float> slot(std::size_t{3} * 64 * 64);

  const std::span<const std::uint8_t> field(data, size);
  const auto image = decoder.decode(field);
  if (!image) return 0;
  unsigned sum = 0;
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < 3 * image->width; ++x) sum += image->row(y)[x];
  }
  StageTimes times;
  const auto written = writer->write(field, std::as_writable_bytes(std::span(slot)), {}, times);
  // What decodes can only fail later if it is too narrow to be resized.
  if (!written && image->width <= 64 * image->height && image->height <= 64 * image->width) {
    std::abort();
  }
  return sum == 1 ? 1 : 0;
}
