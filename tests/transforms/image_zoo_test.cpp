#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/decode.h"
#include "reference_data.h"

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

TEST_CASE("every JPEG of the zoo has Pillow's verdict, size and pixels") {
  // Progressive files that lack scans are smoothed differently by the libjpeg-turbo 3 in Pillow's
  // wheel: it corrected the window of neighbouring blocks that 2.1 takes. Verdict and size agree.
  compare_with_golden_images(
      "jpeg_zoo", {"gen__early_eoi_prog.jpg", "gen__prog_dc_ac5_only.jpg", "gen__prog_dc_only.jpg",
                   "gen__prog_dc_only_al1.jpg", "gen__prog_first_1_scans_eoi.jpg",
                   "gen__prog_first_2_scans_eoi.jpg", "gen__prog_first_3_scans_eoi.jpg",
                   "gen__prog_first_4_scans_eoi.jpg", "gen__prog_first_5_scans_eoi.jpg",
                   "gen__prog_first_6_scans_eoi.jpg", "gen__prog_first_7_scans_eoi.jpg",
                   "gen__prog_first_8_scans_eoi.jpg", "gen__prog_first_9_scans_eoi.jpg",
                   "gen__trunc_prog_50pc_eoi.jpg",
                   "jpegdecoder__imagetestsuite.f6b4389c3cf0f5997b2e5a4b905aea8d.jpg",
                   "zune__fuzz-corpus.jpeg~35.jpg", "zune__fuzz-corpus.jpeg~185.jpg"});
}

TEST_CASE("every PNG of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("png_zoo", {});
}

TEST_CASE("every WebP of the zoo has Pillow's verdict, size and pixels") {
  compare_with_golden_images("webp_zoo", {});
}

}  // namespace
}  // namespace millrace
