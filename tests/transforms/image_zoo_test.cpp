#include <cstring>
#include <optional>
#include <set>
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

/// Files whose pixels, but not verdict or size, differ from the reference.
using Exceptions = std::set<std::string>;

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

void compare_with_golden_images(const std::string& folder, const Exceptions& exceptions) {
  const auto data = test::reference_data("the images of " + folder);
  if (!data) return;
  ImageDecoder decoder;
  std::size_t equal = 0;
  std::size_t differing = 0;
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
        const Result<ImageView> image = decoder.decode(bytes);
        const std::string outcome = outcome_of(image);
        // A decoder that has seen other images must answer as a fresh one.
        ImageDecoder fresh;
        CHECK_MESSAGE(outcome_of(fresh.decode(bytes)) == outcome, file);

        if (exceptions.contains(file)) {
          ++differing;
          CHECK_MESSAGE(outcome != expected, file << " is no longer an exception");
          CHECK(outcome.substr(0, outcome.find(' ')) == expected.substr(0, expected.find(' ')));
          return;
        }
        ++equal;
        CHECK_MESSAGE(outcome == expected, file << (image ? "" : ": " + image.error().message));
      });
  CHECK(rows == equal + differing);
  MESSAGE(folder << ": " << equal << " of " << rows << " as the reference");
}

// Progressive files that lack scans are smoothed differently by the libjpeg-turbo 3 in Pillow's
// wheel: it corrected the window of neighbouring blocks that 2.1 takes. Verdict and size agree.
const Exceptions kSmoothedOtherwise = {
    "gen__early_eoi_prog.jpg",
    "gen__prog_dc_ac5_only.jpg",
    "gen__prog_dc_only.jpg",
    "gen__prog_dc_only_al1.jpg",
    "gen__prog_first_1_scans_eoi.jpg",
    "gen__prog_first_2_scans_eoi.jpg",
    "gen__prog_first_3_scans_eoi.jpg",
    "gen__prog_first_4_scans_eoi.jpg",
    "gen__prog_first_5_scans_eoi.jpg",
    "gen__prog_first_6_scans_eoi.jpg",
    "gen__prog_first_7_scans_eoi.jpg",
    "gen__prog_first_8_scans_eoi.jpg",
    "gen__prog_first_9_scans_eoi.jpg",
    "gen__trunc_prog_50pc_eoi.jpg",
    "jpegdecoder__imagetestsuite.f6b4389c3cf0f5997b2e5a4b905aea8d.jpg",
    "zune__fuzz-corpus.jpeg~35.jpg",
    "zune__fuzz-corpus.jpeg~185.jpg"};

// The same, with the end marker that is put where their data end.
const Exceptions kSmoothedOtherwiseWhereCut = {
    "gen__trunc_prog_01pc.jpg",
    "gen__trunc_prog_10pc.jpg",
    "gen__trunc_prog_25pc.jpg",
    "gen__trunc_prog_50pc.jpg",
    "gen__trunc_prog_50pc_zeros.jpg",
    "gen__trunc_prog_after_sos.jpg",
    "jpegdecoder__imagetestsuite.46f5d9c1b0fe352353688f736e5617b6.jpg",
    "jpegdecoder__imagetestsuite.59d3b529c78ac722127c41ba75b3355b.jpg"};

TEST_CASE("every JPEG of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("jpeg_zoo", kSmoothedOtherwise);
}

TEST_CASE("every PNG of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("png_zoo", {});
}

TEST_CASE("every WebP of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("webp_zoo", {});
}

std::string size_and_hash(simdjson::dom::element of) {
  return std::to_string(of["width"].get_int64().value()) + "x" +
         std::to_string(of["height"].get_int64().value()) + " " +
         std::string(of["sha256_rgb"].get_string().value());
}

/// Decodes the files for which `expected_of` gives an outcome.
template <typename ExpectedOf>
void compare_outcomes(const std::string& folder, const DecodeOptions& options,
                      const Exceptions& exceptions, ExpectedOf expected_of) {
  const auto data = test::reference_data("the images of " + folder);
  if (!data) return;
  ImageDecoder decoder(options);
  std::size_t equal = 0;
  std::size_t differing = 0;
  std::size_t number = 0;
  test::for_each_json_line(*data / folder / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::optional<std::string> expected = expected_of(row);
    if (!expected) return;
    const std::string file(row["file"].get_string().value());
    if (number++ % test::kSanitizedStride != 0 && !exceptions.contains(file)) return;
    const std::vector<unsigned char> bytes = test::read_file(*data / folder / file);
    const Result<ImageView> image = decoder.decode(bytes);
    const std::string outcome = outcome_of(image);
    if (image) {
      const Result<ImageSize> size = decoder.measure(bytes);
      CHECK_MESSAGE(size, file);
      CHECK(std::to_string(size->width) + "x" + std::to_string(size->height) ==
            outcome.substr(0, outcome.find(' ')));
    }
    if (exceptions.contains(file)) {
      ++differing;
      CHECK_MESSAGE(outcome != *expected, file << " is no longer an exception");
      return;
    }
    ++equal;
    CHECK_MESSAGE(outcome == *expected, file << (image ? "" : ": " + image.error().message));
  });
  CHECK(equal > 0);
  CHECK(differing == exceptions.size());
  MESSAGE(folder << ": " << equal << " as the reference, " << differing << " not");
}

void compare_transposed(const std::string& folder, const Exceptions& exceptions) {
  compare_outcomes(folder, {.exif_orientation = ExifOrientation::apply}, exceptions,
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
  compare_transposed("jpeg_zoo", kSmoothedOtherwise);
  compare_transposed("png_zoo", {});
  compare_transposed("webp_zoo", {});
}

void compare_truncated(const std::string& folder, const Exceptions& exceptions) {
  compare_outcomes(folder, {.truncated = TruncatedImages::keep}, exceptions,
                   [](simdjson::dom::element row) -> std::optional<std::string> {
                     simdjson::dom::element kept;
                     if (row["load_truncated"].get(kept) != simdjson::SUCCESS) return std::nullopt;
                     return kept["ok"].get_bool().value() ? size_and_hash(kept) : "error";
                   });
}

TEST_CASE("of damaged images as much is kept as by Pillow with LOAD_TRUNCATED_IMAGES") {
  compare_truncated("jpeg_zoo", kSmoothedOtherwiseWhereCut);
  compare_truncated("png_zoo", {});
  compare_truncated("webp_zoo", {});
}

TEST_CASE("intact images do not change where truncated ones are kept") {
  for (const std::string folder : {"jpeg_zoo", "png_zoo", "webp_zoo"}) {
    compare_outcomes(folder, {.truncated = TruncatedImages::keep},
                     folder == "jpeg_zoo" ? kSmoothedOtherwise : Exceptions(),
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
