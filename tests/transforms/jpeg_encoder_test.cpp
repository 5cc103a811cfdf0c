#include "millrace/transforms/jpeg/jpeg_encoder.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/resize/resize_geometry.h"

namespace millrace {
namespace {

struct Gradient {
  Gradient(int width, int height) : pixels(static_cast<std::size_t>(width) * height * 3) {
    view = {pixels.data(), width, height, static_cast<std::size_t>(width) * 3};
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const std::size_t pixel = i / 3;
      const std::size_t x = pixel % static_cast<std::size_t>(width);
      pixels[i] = static_cast<std::uint8_t>((x + pixel / static_cast<std::size_t>(width)) % 200 +
                                            i % 3 * 20);
    }
  }
  std::vector<std::uint8_t> pixels;
  ImageView view;
};

bool holds(const std::vector<std::uint8_t>& bytes, std::string_view text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

// The file with one more segment behind its start marker.
std::vector<std::uint8_t> with_segment(std::vector<std::uint8_t> jpeg, std::uint8_t marker,
                                       std::string_view payload) {
  const std::size_t length = payload.size() + 2;
  std::vector<std::uint8_t> segment = {0xFF, marker, static_cast<std::uint8_t>(length >> 8U),
                                       static_cast<std::uint8_t>(length)};
  segment.insert(segment.end(), payload.begin(), payload.end());
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  return jpeg;
}

TEST_CASE("an encoded image decodes to nearly the same pixels, and always to the same bytes") {
  const Gradient image(67, 45);
  JpegEncoder encoder;
  std::vector<std::uint8_t> jpeg;
  REQUIRE(encoder.encode(image.view, 95, {}, jpeg));
  std::vector<std::uint8_t> small;
  REQUIRE(encoder.encode(image.view, 30, {}, small));
  CHECK(small.size() < jpeg.size());
  std::vector<std::uint8_t> again;
  REQUIRE(JpegEncoder().encode(image.view, 95, {}, again));
  CHECK(again == jpeg);

  ImageDecoder decoder;
  const auto decoded = decoder.decode(jpeg);
  REQUIRE(decoded);
  REQUIRE(decoded->width == 67);
  REQUIRE(decoded->height == 45);
  int largest = 0;
  for (int y = 0; y < 45; ++y) {
    for (int x = 0; x < 67 * 3; ++x) {
      largest = std::max(largest, std::abs(decoded->row(y)[x] - image.view.row(y)[x]));
    }
  }
  CHECK(largest < 12);
}

TEST_CASE("EXIF and the colour profile of a JPEG are taken over, nothing of anything else") {
  const Gradient image(16, 16);
  JpegEncoder encoder;
  std::vector<std::uint8_t> plain;
  REQUIRE(encoder.encode(image.view, 90, {}, plain));
  std::vector<std::uint8_t> described =
      with_segment(plain, 0xE1, std::string("Exif\0\0turned", 12));
  described = with_segment(described, 0xE2, std::string("ICC_PROFILE\0\1\1colours", 21));
  described = with_segment(described, 0xE1, "http://ns.adobe.com/xap/1.0/");
  std::vector<std::uint8_t> jpeg;
  REQUIRE(encoder.encode(image.view, 90, described, jpeg));
  CHECK(holds(jpeg, "turned"));
  CHECK(holds(jpeg, "colours"));
  CHECK_FALSE(holds(jpeg, "adobe"));
  // Cut at any byte it describes nothing, or a part.
  for (std::size_t length = 0; length < described.size(); ++length) {
    const std::vector<std::uint8_t> cut(described.begin(),
                                        described.begin() + static_cast<std::ptrdiff_t>(length));
    REQUIRE(encoder.encode(image.view, 90, cut, jpeg));
  }
}

TEST_CASE("sides that a JPEG cannot have are refused") {
  JpegEncoder encoder;
  std::vector<std::uint8_t> jpeg;
  for (const ImageView image : {ImageView{}, ImageView{nullptr, 65501, 1, 0}}) {
    const auto encoded = encoder.encode(image, 90, {}, jpeg);
    REQUIRE_FALSE(encoded);
    CHECK(encoded.error().reason == Reason::bad_image);
  }
}

TEST_CASE("thumbnail sizes are Pillow's") {
  CHECK(thumbnail_size(64, 64, 64) == ImageSize{64, 64});
  CHECK(thumbnail_size(10, 63, 64) == ImageSize{10, 63});
  CHECK(thumbnail_size(300, 101, 64) == ImageSize{64, 22});
  CHECK(thumbnail_size(333, 500, 128) == ImageSize{85, 128});
  CHECK(thumbnail_size(500, 375, 256) == ImageSize{256, 192});
  CHECK(thumbnail_size(1000, 1, 64) == ImageSize{64, 1});
  CHECK(thumbnail_size(1, 100000, 64) == ImageSize{1, 64});
}

}  // namespace
}  // namespace millrace
