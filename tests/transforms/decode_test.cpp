#include "millrace/transforms/decode/decode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/steps/clip_image.h"

namespace millrace {
namespace {

using test::Bytes;
using test::JpegChoices;
using test::make_pixels;
using test::packed_rgb;
using test::Pixels;

std::span<const std::uint8_t> first(const Bytes& bytes, std::size_t count) {
  return std::span(bytes).first(count);
}

std::vector<JpegChoices> jpeg_kinds() {
  std::vector<JpegChoices> kinds;
  for (const auto& [h, v] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    for (const bool progressive : {false, true}) {
      kinds.push_back({.h_sampling = h, .v_sampling = v, .progressive = progressive});
    }
  }
  kinds.push_back({.restart_rows = 1});
  kinds.push_back({.h_sampling = 1, .v_sampling = 1, .gray = true});
  kinds.push_back({.arithmetic = true});
  return kinds;
}

TEST_CASE("a JPEG of any sampling decodes to libjpeg's own pixels") {
  ImageDecoder decoder;
  std::uint32_t seed = 0;
  for (const JpegChoices& kind : jpeg_kinds()) {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {16, 16}, {33, 47}, {130, 70}}) {
      const Bytes jpeg = test::encode_jpeg(make_pixels(width, height, ++seed), kind);
      const Result<ImageView> image = decoder.decode(jpeg);
      REQUIRE(image);
      CHECK(image->width == width);
      CHECK(image->height == height);
      CHECK(packed_rgb(*image) == test::libjpeg_pixels(jpeg).rgb);
    }
  }
}

TEST_CASE("two JPEGs decoded together have the pixels of each alone, what is not plain has none") {
  const Bytes plain = test::encode_jpeg(make_pixels(70, 50, 1), {});
  const Bytes other = test::encode_jpeg(make_pixels(33, 90, 2), {.h_sampling = 1, .v_sampling = 1});
  const Bytes progressive = test::encode_jpeg(make_pixels(40, 40, 3), {.progressive = true});
  const Bytes damaged = {plain.begin(),
                         plain.begin() + static_cast<std::ptrdiff_t>(plain.size() / 2)};
  const Bytes png = test::encode_png(make_pixels(20, 20, 4));
  const Bytes large = test::encode_jpeg(Pixels(2100, 2000), {});
  ImageDecoder together;
  ImageDecoder alone;
  std::vector<ImageDecoder::Job> jobs;
  const auto decode = [&](std::initializer_list<const Bytes*> files) {
    jobs.clear();
    for (const Bytes* file : files) jobs.push_back({*file, {}, {}});
    together.decode_together(jobs);
  };
  const auto is_as_alone = [&](std::size_t nth, const Bytes& file) {
    const std::optional<ImageView>& image = jobs[nth].image;
    return image && packed_rgb(*image) == packed_rgb(*alone.decode(file));
  };
  decode({&plain, &other});
  CHECK(is_as_alone(0, plain));
  CHECK(is_as_alone(1, other));
  // Views stay while others are decoded alone.
  REQUIRE(together.decode(progressive));
  CHECK(is_as_alone(0, plain));
  CHECK(is_as_alone(1, other));
  decode({&other, &plain, &other, &plain});
  for (const std::size_t i : {0, 2}) CHECK(is_as_alone(i, other));
  for (const std::size_t i : {1, 3}) CHECK(is_as_alone(i, plain));
  decode({&plain});
  CHECK(is_as_alone(0, plain));
  for (const Bytes* odd : {&progressive, &damaged, &png}) {
    decode({odd, &other, &plain});
    CHECK_FALSE(jobs[0].image);
    CHECK(is_as_alone(1, other));
    CHECK(is_as_alone(2, plain));
    decode({&plain, odd});
    CHECK(is_as_alone(0, plain));
    CHECK_FALSE(jobs[1].image);
  }
  // Two of 4.2 million pixels are more than are decoded together.
  decode({&large, &large, &plain});
  CHECK(is_as_alone(0, large));
  CHECK_FALSE(jobs[1].image);
  CHECK(is_as_alone(2, plain));
  ImageDecoder turbo({.jpeg_decoder = JpegPath::turbo});
  decode({&plain, &other});
  turbo.decode_together(jobs);
  CHECK_FALSE(jobs[0].image);
}

TEST_CASE("a JPEG cut at any byte is an error, and whole again with an end marker") {
  ImageDecoder decoder;
  for (const JpegChoices& kind : jpeg_kinds()) {
    const Bytes jpeg = test::encode_jpeg(make_pixels(40, 30, 5), kind);
    for (std::size_t cut = 0; cut + 2 < jpeg.size(); ++cut) {
      CHECK_MESSAGE(!decoder.decode(first(jpeg, cut)), "cut at " << cut);
    }
    CHECK(decoder.decode(jpeg));
    // The end may lie within a table of a later scan there.
    if (kind.progressive) continue;
    Bytes ended(jpeg.begin(), jpeg.end() - static_cast<std::ptrdiff_t>(jpeg.size() / 4));
    ended.insert(ended.end(), {0xFF, 0xD9});
    CHECK(decoder.decode(ended));
  }
}

TEST_CASE("a JPEG whose bytes are flipped never harms the decoder") {
  ImageDecoder decoder;
  const Pixels pixels = make_pixels(40, 30, 6);
  for (const JpegChoices& kind : jpeg_kinds()) {
    const Bytes jpeg = test::encode_jpeg(pixels, kind);
    const std::vector<std::uint8_t> expected = packed_rgb(*decoder.decode(jpeg));
    for (std::size_t at = 0; at < jpeg.size(); at += 3) {
      Bytes flipped = jpeg;
      flipped[at] ^= 0x55;
      (void)decoder.decode(flipped);
    }
    CHECK(packed_rgb(*decoder.decode(jpeg)) == expected);
  }
}

TEST_CASE("tables of one JPEG do not serve the next") {
  const Bytes jpeg = test::encode_jpeg(make_pixels(40, 30, 7), {});
  Bytes without_tables;
  for (std::size_t at = 0; at < jpeg.size();) {
    if (jpeg[at] == 0xFF && jpeg[at + 1] == 0xDB) {
      at += std::size_t{2} + (jpeg[at + 2] << 8 | jpeg[at + 3]);
      continue;
    }
    without_tables.push_back(jpeg[at++]);
  }
  ImageDecoder decoder;
  CHECK(!decoder.decode(without_tables));
  CHECK(decoder.decode(jpeg));
  CHECK(!decoder.decode(without_tables));
}

TEST_CASE("a PNG decodes to the pixels that went in, and fails cut at any byte of its data") {
  ImageDecoder decoder;
  const Pixels pixels = make_pixels(37, 23, 8);
  const Bytes png = test::encode_png(pixels);
  const Result<ImageView> image = decoder.decode(png);
  REQUIRE(image);
  CHECK(packed_rgb(*image) == pixels.rgb);
  // The last 12 bytes are the end chunk, which may be missing; before it lie a checksum that nobody
  // compares, zlib's own, and the bits that end its data.
  for (std::size_t cut = 0; cut + 12 + 12 < png.size(); ++cut) {
    CHECK_MESSAGE(!decoder.decode(first(png, cut)), "cut at " << cut);
  }
  CHECK(decoder.decode(first(png, png.size() - 12)));
  for (std::size_t at = 0; at < png.size(); at += 2) {
    Bytes flipped = png;
    flipped[at] ^= 0x55;
    (void)decoder.decode(flipped);
  }
}

TEST_CASE("a PNG's chunk with a wrong checksum before the data is an error") {
  ImageDecoder decoder;
  Bytes png = test::encode_png(make_pixels(5, 4, 9));
  png[29] ^= 1;  // the header's checksum
  CHECK(!decoder.decode(png));
}

TEST_CASE("a lossless WebP decodes to the pixels that went in, and fails cut at any byte") {
  ImageDecoder decoder;
  const Pixels pixels = make_pixels(37, 23, 10);
  const Bytes webp = test::encode_webp(pixels, true);
  const Result<ImageView> image = decoder.decode(webp);
  REQUIRE(image);
  CHECK(packed_rgb(*image) == pixels.rgb);
  for (std::size_t cut = 0; cut < webp.size(); ++cut) {
    CHECK_MESSAGE(!decoder.decode(first(webp, cut)), "cut at " << cut);
  }
  Bytes longer = webp;
  longer.insert(longer.end(), {1, 2, 3});
  CHECK(decoder.decode(longer));
  CHECK(decoder.decode(test::encode_webp(pixels, false)));
}

TEST_CASE("more pixels than the limit are found before they are allocated") {
  ImageDecoder decoder({.max_image_pixels = 37 * 23 - 1});
  ImageDecoder enough({.max_image_pixels = 37 * 23});
  const Pixels pixels = make_pixels(37, 23, 11);
  for (const Bytes& file :
       {test::encode_jpeg(pixels, {}), test::encode_png(pixels), test::encode_webp(pixels, true)}) {
    const Result<ImageView> image = decoder.decode(file);
    REQUIRE(!image);
    CHECK(image.error().reason == Reason::image_too_large);
    CHECK(enough.decode(file));
  }
}

std::size_t jpeg_scans(const Bytes& jpeg) {
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < jpeg.size(); ++i) count += jpeg[i] == 0xFF && jpeg[i + 1] == 0xDA;
  return count;
}

/// A progressive JPEG with `more` scans behind its own, of 11 bytes each, that have no content.
Bytes jpeg_of_many_scans(std::size_t more) {
  Bytes jpeg =
      test::encode_jpeg(make_pixels(64, 64, 12),
                        {.h_sampling = 1, .v_sampling = 1, .progressive = true, .gray = true});
  // An AC scan whose one end-of-band run covers all of the 64 blocks: code 0 stands for a run of 64
  // to 127 blocks, followed by 6 bits that say how many more than 64.
  const Bytes table = {0xFF, 0xC4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0,
                       0,    0,    0, 0,  0,    0, 0, 0, 0, 0, 0x60};
  const Bytes scan = {0xFF, 0xDA, 0, 8, 1, 1, 0x00, 1, 63, 0x00, 0x01};
  jpeg.erase(jpeg.end() - 2, jpeg.end());
  jpeg.insert(jpeg.end(), table.begin(), table.end());
  for (; more > 0; --more) jpeg.insert(jpeg.end(), scan.begin(), scan.end());
  jpeg.insert(jpeg.end(), {0xFF, 0xD9});
  return jpeg;
}

TEST_CASE("a JPEG of more scans than the limit is refused, by name, at once") {
  const std::size_t written = jpeg_scans(jpeg_of_many_scans(0));
  const auto limit = [](std::size_t scans) {
    return DecodeOptions{.max_jpeg_scans = static_cast<int>(scans)};
  };
  const Bytes jpeg = jpeg_of_many_scans(40);
  CHECK(jpeg_scans(jpeg) == written + 40);
  ImageDecoder decoder(limit(written + 39));
  const Result<ImageView> refused = decoder.decode(jpeg);
  REQUIRE(!refused);
  CHECK(refused.error().reason == Reason::bad_image);
  CHECK(refused.error().message == "JPEG: more than " + std::to_string(written + 39) + " scans");
  // The next image is a new one.
  CHECK(decoder.decode(jpeg_of_many_scans(39)));
  const Result<ImageView> enough = ImageDecoder(limit(written + 40)).decode(jpeg);
  REQUIRE(enough);

  ImageDecoder usual;
  const Result<ImageView> decoded = usual.decode(jpeg);
  REQUIRE(decoded);
  CHECK(packed_rgb(*decoded) == test::libjpeg_pixels(jpeg).rgb);
  CHECK(usual.decode(jpeg_of_many_scans(500 - written)));
  CHECK(!usual.decode(jpeg_of_many_scans(501 - written)));
  // Every other kind of error goes on to be told in libjpeg's words.
  const Result<ImageView> broken = usual.decode(first(jpeg, 3));
  REQUIRE(!broken);
  CHECK(broken.error().message.find("scans") == std::string::npos);
}

TEST_CASE("what is no image is told from an image of another kind") {
  ImageDecoder decoder;
  const auto reason_of = [&](std::string_view text) {
    const Bytes bytes(text.begin(), text.end());
    const Result<ImageView> image = decoder.decode(bytes);
    REQUIRE(!image);
    return image.error().reason;
  };
  CHECK(reason_of("") == Reason::bad_image);
  CHECK(reason_of("a caption") == Reason::bad_image);
  CHECK(reason_of("\xFF") == Reason::bad_image);
  CHECK(reason_of("GIF89a.......") == Reason::unsupported_image);
  CHECK(reason_of("BM.............") == Reason::unsupported_image);
  CHECK(reason_of(std::string_view("II*\0....", 8)) == Reason::unsupported_image);
  CHECK(reason_of(std::string_view("\0\0\0 ftypavif", 12)) == Reason::unsupported_image);
}

}  // namespace
}  // namespace millrace
