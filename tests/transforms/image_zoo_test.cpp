#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/decode/decode.h"
#include "reference_data.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

using test::packed_rgb;

bool is_decodable_format(std::string_view format) {
  return format == "JPEG" || format == "MPO" || format == "PNG" || format == "WEBP";
}

/// What decoding said, as text: size and hash of the pixels, or "error".
std::string outcome_of(const Result<ImageView>& image) {
  if (!image) return "error";
  const std::vector<std::uint8_t> rgb = packed_rgb(*image);
  return std::to_string(image->width) + "x" + std::to_string(image->height) + " " +
         test::sha256_hex(rgb.data(), rgb.size());
}

void compare_with_golden_images(const std::string& folder) {
  const auto data = test::reference_data("the images of " + folder);
  if (!data) return;
  ImageDecoder decoder;
  std::size_t equal = 0;
  std::size_t number = 0;
  const std::size_t rows =
      test::for_each_json_line(*data / folder / "manifest.jsonl", [&](simdjson::dom::element row) {
        const std::string file(row["file"].get_string().value());
        const std::vector<unsigned char> bytes = test::read_file(*data / folder / file);
        std::string expected = "error";
        std::string_view format;
        const bool ok = row["ok"].get_bool().value();
        if (ok && row["format"].get(format) == simdjson::SUCCESS && is_decodable_format(format)) {
          expected = std::to_string(row["width"].get_int64().value()) + "x" +
                     std::to_string(row["height"].get_int64().value()) + " " +
                     std::string(row["sha256_rgb"].get_string().value());
        }
        // Where that takes long every file is decoded, and not every one compared.
        const Result<ImageView> image = decoder.decode(bytes);
        if (number++ % test::kSanitizedStride != 0) return;
        const std::string outcome = outcome_of(image);
        // A decoder that has seen other images must answer as a fresh one.
        ImageDecoder fresh;
        CHECK_MESSAGE(outcome_of(fresh.decode(bytes)) == outcome, file);

        ++equal;
        CHECK_MESSAGE(outcome == expected, file << (image ? "" : ": " + image.error().message));
      });
  CHECK(equal == (rows + test::kSanitizedStride - 1) / test::kSanitizedStride);
  MESSAGE(folder << ": " << equal << " of " << rows << " files");
}

TEST_CASE("every JPEG of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("jpeg_zoo");
}

TEST_CASE("every PNG of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("png_zoo");
}

TEST_CASE("every WebP of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("webp_zoo");
}

std::string size_and_hash(simdjson::dom::element of) {
  return std::to_string(of["width"].get_int64().value()) + "x" +
         std::to_string(of["height"].get_int64().value()) + " " +
         std::string(of["sha256_rgb"].get_string().value());
}

/// Decodes the files for which `expected_of` gives an outcome.
template <typename ExpectedOf>
void compare_outcomes(const std::string& folder, const DecodeOptions& options,
                      ExpectedOf expected_of) {
  const auto data = test::reference_data("the images of " + folder);
  if (!data) return;
  ImageDecoder decoder(options);
  std::size_t equal = 0;
  std::size_t number = 0;
  test::for_each_json_line(*data / folder / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::optional<std::string> expected = expected_of(row);
    if (!expected) return;
    const std::string file(row["file"].get_string().value());
    if (number++ % test::kSanitizedStride != 0) return;
    const std::vector<unsigned char> bytes = test::read_file(*data / folder / file);
    const Result<ImageView> image = decoder.decode(bytes);
    const std::string outcome = outcome_of(image);
    if (image) {
      const Result<ImageSize> size = decoder.measure(bytes);
      CHECK_MESSAGE(size, file);
      CHECK(std::to_string(size->width) + "x" + std::to_string(size->height) ==
            outcome.substr(0, outcome.find(' ')));
    }
    ++equal;
    CHECK_MESSAGE(outcome == *expected, file << (image ? "" : ": " + image.error().message));
  });
  CHECK(equal > 0);
  MESSAGE(folder << ": " << equal << " files");
}

void compare_transposed(const std::string& folder) {
  compare_outcomes(folder, {.exif_orientation = ExifOrientation::apply},
                   [](simdjson::dom::element row) -> std::optional<std::string> {
                     std::string_view format;
                     simdjson::dom::element transposed;
                     if (row["format"].get(format) != simdjson::SUCCESS ||
                         !is_decodable_format(format) ||
                         row["transposed"].get(transposed) != simdjson::SUCCESS) {
                       return std::nullopt;
                     }
                     const bool has_pixels = transposed["sha256_rgb"].error() == simdjson::SUCCESS;
                     return has_pixels ? size_and_hash(transposed) : "error";
                   });
}

TEST_CASE("every image of the zoos is turned upright as by Pillow's exif_transpose") {
  compare_transposed("jpeg_zoo");
  compare_transposed("png_zoo");
  compare_transposed("webp_zoo");
}

void compare_truncated(const std::string& folder) {
  compare_outcomes(folder, {.truncated = TruncatedImages::keep},
                   [](simdjson::dom::element row) -> std::optional<std::string> {
                     simdjson::dom::element kept;
                     if (row["load_truncated"].get(kept) != simdjson::SUCCESS) return std::nullopt;
                     return kept["ok"].get_bool().value() ? size_and_hash(kept) : "error";
                   });
}

TEST_CASE("of damaged images as much is kept as by Pillow with LOAD_TRUNCATED_IMAGES") {
  compare_truncated("jpeg_zoo");
  compare_truncated("png_zoo");
  compare_truncated("webp_zoo");
}

TEST_CASE("intact images do not change where truncated ones are kept") {
  for (const std::string folder : {"jpeg_zoo", "png_zoo", "webp_zoo"}) {
    compare_outcomes(folder, {.truncated = TruncatedImages::keep},
                     [](simdjson::dom::element row) -> std::optional<std::string> {
                       std::string_view format;
                       if (!row["ok"].get_bool().value() ||
                           row["format"].get(format) != simdjson::SUCCESS ||
                           !is_decodable_format(format)) {
                         return std::nullopt;
                       }
                       return size_and_hash(row);
                     });
  }
}

TEST_CASE("opacity is Pillow's: over black and white it is what convert(\"RGBA\") says") {
  for (const std::string folder : {"png_zoo", "webp_zoo"}) {
    const auto data = test::reference_data("the images of " + folder);
    if (!data) return;
    ImageDecoder opaque;
    ImageDecoder over_black({.alpha = AlphaMode::composite, .background = {0, 0, 0}});
    ImageDecoder over_white({.alpha = AlphaMode::composite});
    std::size_t compared = 0;
    test::for_each_json_line(*data / folder / "manifest.jsonl", [&](simdjson::dom::element row) {
      std::string_view sha256;
      if (row["sha256_rgba"].get(sha256) != simdjson::SUCCESS) return;
      const std::string file(row["file"].get_string().value());
      const std::vector<unsigned char> bytes = test::read_file(*data / folder / file);
      const std::vector<std::uint8_t> rgb = packed_rgb(*opaque.decode(bytes));
      const std::vector<std::uint8_t> black = packed_rgb(*over_black.decode(bytes));
      const std::vector<std::uint8_t> white = packed_rgb(*over_white.decode(bytes));
      std::vector<std::uint8_t> rgba;
      for (std::size_t i = 0; i < rgb.size(); i += 3) {
        // White adds just what the pixel lets through.
        const int alpha = 255 - (white[i] - black[i]);
        rgba.insert(rgba.end(), {rgb[i], rgb[i + 1], rgb[i + 2], static_cast<std::uint8_t>(alpha)});
      }
      CHECK_MESSAGE(test::sha256_hex(rgba.data(), rgba.size()) == sha256, file);
      ++compared;
    });
    CHECK(compared > 50);
  }
}

}  // namespace
}  // namespace millrace
