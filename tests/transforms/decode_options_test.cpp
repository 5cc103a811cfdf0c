#include "millrace/transforms/decode/decode_options.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/exif.h"

namespace millrace {
namespace {

using test::Bytes;
using test::JpegChoices;
using test::make_pixels;
using test::packed_rgb;
using test::Pixels;

/// EXIF data with nothing but an orientation, a SHORT.
Bytes exif_of(int orientation, bool big_endian) {
  const auto value = static_cast<std::uint8_t>(orientation);
  if (big_endian) {
    return {'M', 'M', 0, 42, 0, 0, 0,     8, 0, 1, 1, 0x12, 0,
            3,   0,   0, 0,  1, 0, value, 0, 0, 0, 0, 0,    0};
  }
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
}

Bytes with_segment(const Bytes& jpeg, std::string_view prefix, const Bytes& data) {
  const std::size_t length = 2 + prefix.size() + data.size();
  Bytes file;
  const auto add = [&](auto begin, auto end) {
    for (; begin != end; ++begin) file.push_back(static_cast<std::uint8_t>(*begin));
  };
  for (const std::size_t byte : {std::size_t{0xFF}, std::size_t{0xD8}, std::size_t{0xFF},
                                 std::size_t{0xE1}, length >> 8, length & 0xFF}) {
    file.push_back(static_cast<std::uint8_t>(byte));
  }
  add(prefix.begin(), prefix.end());
  add(data.begin(), data.end());
  add(jpeg.begin() + 2, jpeg.end());
  return file;
}

constexpr std::string_view kExif("Exif\0\0", 6);

/// Where the upright image's pixel (x, y) lies in a stored image, by the EXIF specification.
std::array<int, 2> stored_place(int orientation, int x, int y, int width, int height) {
  switch (orientation) {
    case 2:
      return {width - 1 - x, y};
    case 3:
      return {width - 1 - x, height - 1 - y};
    case 4:
      return {x, height - 1 - y};
    case 5:
      return {y, x};
    case 6:
      return {y, height - 1 - x};
    case 7:
      return {width - 1 - y, height - 1 - x};
    case 8:
      return {width - 1 - y, x};
    default:
      return {x, y};
  }
}

TEST_CASE(
    "an image is turned upright by EXIF of either byte order, or by XMP where EXIF says nothing") {
  const Bytes jpeg = test::encode_jpeg(make_pixels(70, 41, 1), {});
  ImageDecoder plain;
  ImageDecoder upright({.exif_orientation = ExifOrientation::apply});
  const Pixels stored = test::libjpeg_pixels(jpeg);
  for (int orientation = 0; orientation <= 9; ++orientation) {
    const std::string xmp = "<x tiff:Orientation=\"" + std::to_string(orientation) + "\"/>";
    for (const Bytes& file :
         {with_segment(jpeg, kExif, exif_of(orientation, true)),
          with_segment(jpeg, kExif, exif_of(orientation, false)),
          with_segment(jpeg, std::string_view("http://ns.adobe.com/xap/1.0/\0", 29),
                       Bytes(xmp.begin(), xmp.end()))}) {
      CHECK(packed_rgb(*plain.decode(file)) == stored.rgb);
      const Result<ImageView> image = upright.decode(file);
      REQUIRE(image);
      CHECK(*upright.measure(file) == ImageSize{image->width, image->height});
      CHECK(image->width == (orientation >= 5 && orientation <= 8 ? 41 : 70));
      bool equal = true;
      for (int y = 0; y < image->height; ++y) {
        for (int x = 0; x < image->width; ++x) {
          const auto [from_x, from_y] = stored_place(orientation, x, y, 70, 41);
          equal = equal && std::equal(image->row(y) + 3 * x, image->row(y) + 3 * x + 3,
                                      stored.rgb.begin() + 3 * (from_y * 70 + from_x));
        }
      }
      CHECK_MESSAGE(equal, "orientation " << orientation);
      const auto expected = packed_rgb(*image);
      const int width = image->width;
      const ImageWindow part{3, 5, 20, 30};
      const auto expected_part = packed_rgb(part_of(*image, part));
      std::array<ImageDecoder::Job, 3> jobs{{{file, {}, {}}, {file, {}, {}}, {file, part, {}}}};
      upright.decode_together(jobs);
      for (const auto& job : jobs) {
        REQUIRE(job.image);
        CHECK(job.image->width == width);
        if (!job.needed) CHECK(packed_rgb(*job.image) == expected);
        CHECK(packed_rgb(part_of(*job.image, part)) == expected_part);
      }
    }
  }
}

TEST_CASE("EXIF data cut at any byte, or with any byte changed, say something or nothing") {
  for (const bool big_endian : {false, true}) {
    const Bytes exif = exif_of(6, big_endian);
    CHECK(**read_exif_orientation(exif) == 6);
    for (std::size_t cut = 0; cut < exif.size(); ++cut) {
      const auto read = read_exif_orientation(std::span(exif).first(cut));
      CHECK(read.has_value() == (cut == 0 || cut >= 8));
      if (read && *read) CHECK(**read == 6);
    }
    for (std::size_t at = 0; at < exif.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        Bytes changed = exif;
        changed[at] = static_cast<std::uint8_t>(value);
        const auto read = read_exif_orientation(changed);
        if (read && *read) CHECK((**read >= 1 && **read <= 8));
      }
    }
  }
}

TEST_CASE("a part of an image is what the whole has there, for every sampling and place") {
  ImageDecoder decoder;
  ImageDecoder turned({.exif_orientation = ExifOrientation::apply});
  std::uint32_t seed = 7;
  for (const auto& sampling : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    const int h = sampling.first;
    const int v = sampling.second;
    for (const bool progressive : {false, true}) {
      const JpegChoices choices{.h_sampling = h, .v_sampling = v, .progressive = progressive};
      const Bytes jpeg = test::encode_jpeg(make_pixels(83, 67, ++seed), choices);
      const Bytes rotated = with_segment(jpeg, kExif, exif_of(6, true));
      const Pixels whole = test::libjpeg_pixels(jpeg);
      for (int i = 0; i < 60; ++i) {
        seed = seed * 1664525 + 1013904223;
        ImageWindow window;
        window.left = static_cast<int>((seed >> 8) % 83);
        window.top = static_cast<int>((seed >> 16) % 67);
        window.width = 1 + static_cast<int>((seed >> 4) % static_cast<unsigned>(83 - window.left));
        window.height = 1 + static_cast<int>((seed >> 20) % static_cast<unsigned>(67 - window.top));
        const std::vector<std::uint8_t> expected = packed_rgb(part_of(whole.view(), window));
        const Result<ImageView> part = decoder.decode(jpeg, window);
        REQUIRE(part);
        CHECK_MESSAGE(packed_rgb(*part) == expected, h << "x" << v << " " << window.left << " "
                                                       << window.top << " " << window.width << " "
                                                       << window.height << " " << progressive);
        const Result<ImageView> needed = decoder.decode(ImageDecoder::Job{jpeg, window, {}});
        REQUIRE(needed);
        CHECK(needed->width == 83);
        CHECK(packed_rgb(part_of(*needed, window)) == expected);
        // Rotated by 90 degrees: column x of the stored image is row x.
        const ImageWindow upright{67 - window.top - window.height, window.left, window.height,
                                  window.width};
        const Result<ImageView> turned_part = turned.decode(rotated, upright);
        REQUIRE(turned_part);
        const std::vector<std::uint8_t> there = packed_rgb(*turned_part);
        const std::vector<std::uint8_t> in_whole =
            packed_rgb(part_of(*turned.decode(rotated), upright));
        CHECK(there == in_whole);
        const ImageDecoder::Job job{rotated, upright, {}, i % 2 == 0};
        CHECK(packed_rgb(part_of(*turned.decode(job), upright)) == in_whole);
      }
    }
  }
}

TEST_CASE("a part of a JPEG that is cut behind it is an error all the same") {
  ImageDecoder decoder;
  const Bytes jpeg = test::encode_jpeg(make_pixels(64, 64, 3), {});
  for (std::size_t cut = jpeg.size() / 2; cut + 2 < jpeg.size(); ++cut) {
    CHECK(!decoder.decode(std::span(jpeg).first(cut), {8, 0, 16, 8}));
  }
  CHECK(decoder.decode(jpeg, {8, 0, 16, 8}));
}

TEST_CASE("a window outside the image is refused by name") {
  ImageDecoder decoder;
  const Bytes png = test::encode_png(make_pixels(10, 5, 4));
  const std::vector<std::uint8_t> whole = packed_rgb(*decoder.decode(png));
  CHECK(packed_rgb(*decoder.decode(png, {0, 0, 10, 5})) == whole);
  CHECK(decoder.decode(png, {9, 4, 1, 1})->width == 1);
  for (const ImageWindow window :
       {ImageWindow{0, 0, 11, 5}, {0, 0, 10, 6}, {-1, 0, 5, 5}, {0, 0, 0, 5}, {10, 0, 1, 1}}) {
    CHECK_THROWS_AS((void)decoder.decode(png, window), std::invalid_argument);
  }
}

TEST_CASE("fast_scale decodes smaller, never below what is wanted, and only where it is chosen") {
  const Bytes jpeg = test::encode_jpeg(make_pixels(803, 601, 5), {});
  ImageDecoder exact;
  ImageDecoder fast({.fast_scale = true});
  const ImageWindow whole{0, 0, 803, 601};
  CHECK(exact.decode_for(jpeg, whole, {100, 75})->pixels.width == 803);
  for (const auto& [target, width] :
       {std::pair{401, 402}, {402, 803}, {200, 201}, {100, 101}, {10, 101}}) {
    const Result<BoxedImage> image = fast.decode_for(jpeg, whole, {target, target * 3 / 4});
    REQUIRE(image);
    CHECK(image->pixels.width == width);
    CHECK(image->box[2] <= image->pixels.width);
    CHECK(image->box[2] >= target);
  }
}

TEST_CASE(
    "of a JPEG that is cut, what was decoded is kept, and the rest black, where that is chosen") {
  const Bytes jpeg = test::encode_jpeg(make_pixels(64, 64, 6), {.h_sampling = 1, .v_sampling = 1});
  const std::vector<std::uint8_t> whole = packed_rgb(*ImageDecoder().decode(jpeg));
  ImageDecoder keeping({.truncated = TruncatedImages::keep});
  CHECK(packed_rgb(*keeping.decode(jpeg)) == whole);
  CHECK(!ImageDecoder().decode(std::span(jpeg).first(jpeg.size() - 20)));
  const auto most = keeping.decode(std::span(jpeg).first(jpeg.size() / 2 + 200));
  REQUIRE(most);
  const std::vector<std::uint8_t> kept = packed_rgb(*most);
  CHECK(kept != whole);
  CHECK(std::equal(kept.begin(), kept.begin() + 64 * 3 * 8, whole.begin()));
  CHECK(packed_rgb(*keeping.decode(jpeg)) == whole);
}

TEST_CASE("of a PNG that is cut, the rows there are stay, and the others are black") {
  const Pixels pixels = make_pixels(64, 64, 8);
  const Bytes png = test::encode_png(pixels);
  ImageDecoder keeping({.truncated = TruncatedImages::keep});
  CHECK(packed_rgb(*keeping.decode(png)) == pixels.rgb);
  const auto cut = keeping.decode(std::span(png).first(png.size() / 2));
  REQUIRE(cut);
  const std::vector<std::uint8_t> kept = packed_rgb(*cut);
  CHECK(std::equal(kept.begin(), kept.begin() + 64 * 3, pixels.rgb.begin()));
  CHECK(std::all_of(kept.end() - 64 * 3, kept.end(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST_CASE("an image of a format that is not decoded is refused by its name") {
  using namespace std::string_view_literals;
  ImageDecoder decoder;
  for (const auto& [bytes, name] : {std::pair{"GIF89a......."sv, "GIF"sv},
                                    {"BM............."sv, "BMP"sv},
                                    {"II*\0...."sv, "TIFF"sv},
                                    {"MM\0*...."sv, "TIFF"sv},
                                    {"\0\0\0 ftypavif"sv, "AVIF"sv},
                                    {"\0\0\0 ftypheic"sv, "HEIF"sv},
                                    {"\0\0\0\x0CjP  \r\n\x87\n...."sv, "JPEG 2000"sv},
                                    {"\xFF\x4F\xFF\x51...."sv, "JPEG 2000"sv},
                                    {"\xFF\x0A......"sv, "JPEG XL"sv},
                                    {"\0\0\0\x0CJXL \r\n\x87\n"sv, "JPEG XL"sv},
                                    {"\0\0\1\0......"sv, "ICO"sv},
                                    {"8BPS...."sv, "PSD"sv},
                                    {"P6\n2 2\n255\n"sv, "PPM"sv},
                                    {"<svg xmlns=''/>"sv, "SVG"sv},
                                    {"<?xml version='1.0'?>\n<svg/>"sv, "SVG"sv}}) {
    const Bytes data(bytes.begin(), bytes.end());
    const Result<ImageView> image = decoder.decode(data);
    REQUIRE(!image);
    CHECK(image.error().reason == Reason::unsupported_image);
    CHECK(image.error().message ==
          std::string(name) + " images are not decoded: store them as JPEG, PNG or WebP");
  }
}

TEST_CASE("decode options say what is not at its default") {
  CHECK(json_members({}) == R"("max_image_pixels":178956970,"max_jpeg_scans":500)");
  DecodeOptions options;
  options.exif_orientation = ExifOrientation::apply;
  options.alpha = AlphaMode::composite;
  options.background = {1, 2, 3};
  options.truncated = TruncatedImages::keep;
  options.fast_scale = true;
  options.max_png_text_bytes = 9;
  options.max_png_texts_bytes = 10;
  CHECK(json_members(options) ==
        R"("max_image_pixels":178956970,"max_jpeg_scans":500,"exif_orientation":"apply",)"
        R"("alpha":"composite","background":[1,2,3],"truncated":"keep","fast_scale":true,)"
        R"("max_png_text_bytes":9,"max_png_texts_bytes":10)");
}

}  // namespace
}  // namespace millrace
