// Any bytes as a JPEG: the own decoder in front of libjpeg-turbo must say what libjpeg-turbo says
// alone, pixel by pixel; and two images decoded side by side what each gives by itself.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/jpeg/jpeg_baseline.h"
#include "require.h"

namespace {

using namespace millrace;  // NOLINT: one program
using fuzz::require;

bool equal(ImageView a, ImageView b) {
  if (a.width != b.width || a.height != b.height) return false;
  for (int y = 0; y < a.height; ++y) {
    if (std::memcmp(a.row(y), b.row(y), static_cast<std::size_t>(a.width) * 3) != 0) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMostPixels = 1 << 16;
  static ImageDecoder own({.max_image_pixels = kMostPixels, .max_jpeg_scans = 20});
  static ImageDecoder turbo(
      {.max_image_pixels = kMostPixels, .max_jpeg_scans = 20, .jpeg_decoder = JpegPath::turbo});
  // libFuzzer's memory ends where the data end, so that reading on is found.
  const std::span<const std::uint8_t> file(data, size);
  const auto image = own.decode(file);
  const auto expected = turbo.decode(file);
  require(image.has_value() == expected.has_value());
  if (!image) {
    require(image.error().message == expected.error().message);
    return 0;
  }
  require(equal(*image, *expected));

  static jpeg::BaselineDecoder decoder;
  std::array<std::vector<std::uint8_t>, 2> memory;
  std::array<jpeg::BaselineDecoder::Job, 2> jobs;
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(image->width);
  for (std::size_t i = 0; i < 2; ++i) {
    memory[i].resize(stride_bytes * static_cast<std::size_t>(image->height) + jpeg::kRgbSlackBytes);
    jobs[i].file = file;
    jobs[i].size = {image->width, image->height};
    jobs[i].window = {0, 0, image->width, image->height};
    jobs[i].pixels = {memory[i].data(), image->width, image->height, stride_bytes};
  }
  decoder.decode(jobs);
  require(jobs[0].decoded == jobs[1].decoded);
  for (const auto& job : jobs) require(!job.decoded || equal(job.pixels, *expected));
  return 0;
}
