#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/clip_image.h"
#include "millrace/transforms/decode.h"
#include "millrace/transforms/normalize.h"
#include "millrace/transforms/resize.h"
#include "millrace/transforms/resize_geometry.h"
#include "reference_data.h"

namespace millrace {
namespace {

using simdjson::dom::element;
using test::Pixels;

std::string text_of(element value) { return std::string(value.get_string().value()); }
int int_of(element value) { return static_cast<int>(value.get_int64().value()); }
double number_of(element value) { return value.get_double().value(); }

Filter filter_named(std::string_view name) {
  if (name == "nearest") return Filter::nearest;
  if (name == "box") return Filter::box;
  if (name == "bilinear") return Filter::bilinear;
  if (name == "hamming") return Filter::hamming;
  if (name == "lanczos") return Filter::lanczos;
  REQUIRE(name == "bicubic");
  return Filter::bicubic;
}

std::string sha256_of(const std::vector<std::uint8_t>& bytes) {
  return test::sha256_hex(bytes.data(), bytes.size());
}

TEST_CASE("every reference photo has Pillow's pixels") {
  const auto data = test::reference_data("photos");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  ImageDecoder decoder;
  std::size_t seen = 0;
  test::for_each_json_line(*data / "photos" / "manifest.jsonl", [&](element row) {
    const std::string name = "photos/" + text_of(row["shard"]) + "/" + text_of(row["key"]);
    const Result<ImageView> image = decoder.decode(photos.at(name));
    REQUIRE_MESSAGE(image, name);
    CHECK(image->width == int_of(row["width"]));
    CHECK(image->height == int_of(row["height"]));
    CHECK_MESSAGE(sha256_of(test::packed_rgb(*image)) == text_of(row["sha256_rgb"]), name);
    ++seen;
  });
  CHECK(seen == photos.size());
}

TEST_CASE("resizing RGB with any filter, size and box equals Pillow's bytes") {
  const auto data = test::reference_data("resize");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  std::map<std::string, Pixels> inputs;
  Resizer resizer;
  std::size_t compared = 0;
  test::for_each_json_line(*data / "resize" / "resize.jsonl", [&](element row) {
    // Gray photos are left out: Pillow's resize in one channel equals the three equal ones of RGB,
    // but its bytes are another string.
    if (text_of(row["in_mode"]) != "RGB") return;
    const std::string name = simdjson::minify(row["input"]);
    if (!inputs.contains(name)) inputs[name] = test::read_resize_input(*data, row["input"], photos);
    const Pixels& input = inputs[name];
    Resizer::Geometry geometry;
    geometry.full_width = int_of(row["out_width"]);
    geometry.full_height = int_of(row["out_height"]);
    simdjson::dom::array box;
    if (row["box"].get(box) == simdjson::SUCCESS) {
      geometry.box = {number_of(box.at(0)), number_of(box.at(1)), number_of(box.at(2)),
                      number_of(box.at(3))};
    }
    Pixels output(std::max(0, geometry.full_width), std::max(0, geometry.full_height));
    const Filter filter = filter_named(text_of(row["filter"]));
    const auto resized = resizer.resize(input.view(), geometry, filter, output.view());
    const bool ok = row["ok"].get_bool().value();
    CHECK_MESSAGE(resized.has_value() == ok, simdjson::minify(row));
    if (ok) {
      CHECK_MESSAGE(sha256_of(output.rgb) == text_of(row["sha256"]), simdjson::minify(row));
    }
    ++compared;
  });
  CHECK(compared > 3000);
}

/// Whether clip_transform is meant to give the same: a square size, the shorter side, bicubic,
/// CLIP's normalisation.
bool is_clip_transform(element row) {
  if (text_of(row["impl"]) != "open_clip.image_transform") return false;
  const bool is_rgb = text_of(row["in_mode"]) == "RGB";
  if (!is_rgb && !row["converted_to_rgb_before"].get_bool().value()) return false;
  std::size_t arguments = 0;
  std::int64_t size = 0;
  for (const auto field : simdjson::dom::object(row["args"])) {
    ++arguments;
    if (field.key == "image_size" && field.value.get(size) != simdjson::SUCCESS) return false;
  }
  return arguments == 1 && size > 0;
}

TEST_CASE("the CLIP transform equals open_clip's, as bytes and as floats") {
  const auto data = test::reference_data("preprocess");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  Resizer resizer;
  ClipImage clip;
  std::size_t compared = 0;
  test::for_each_json_line(*data / "resize" / "preprocess.jsonl", [&](element row) {
    if (!is_clip_transform(row)) return;
    const Pixels input = test::read_resize_input(*data, row["input"], photos);
    if (input.width == 0) return;
    const int size = int_of(row["args"]["image_size"]);
    const auto geometry = shorter_side_center_crop(input.width, input.height, size);
    REQUIRE(geometry);
    Pixels window(size, size);
    REQUIRE(resizer.resize(input.view(), *geometry, Filter::bicubic, window.view()));
    CHECK_MESSAGE(sha256_of(window.rgb) == text_of(row["sha256_u8_hwc"]), simdjson::minify(row));

    std::vector<float> floats(window.rgb.size());
    REQUIRE(clip.apply(input.view(), size, floats));
    CHECK_MESSAGE(test::sha256_hex(floats.data(), floats.size() * sizeof(float)) ==
                      text_of(row["sha256_f32_chw"]),
                  simdjson::minify(row));
    ++compared;

    if (text_of(row["input"]["kind"]) != "photo") return;
    const auto& jpeg =
        photos.at(text_of(row["input"]["shard"]) + "/" + text_of(row["input"]["key"]));
    StageTimes times;
    std::vector<float> slot(window.rgb.size());
    REQUIRE(clip_transform(size)->make_writer()->write(
        jpeg, std::as_writable_bytes(std::span(slot)), {}, times));
    CHECK(std::memcmp(slot.data(), floats.data(), floats.size() * sizeof(float)) == 0);
    CHECK(times[Stage::decode].bytes == jpeg.size());
    CHECK(times[Stage::resize].items == 1);
    CHECK(times[Stage::normalize].items == 1);
  });
  CHECK(compared > 100);
}

TEST_CASE("sizes and crops follow torchvision's rounding") {
  const auto data = test::reference_data("output sizes");
  if (!data) return;
  const std::size_t rows =
      test::for_each_json_line(*data / "resize" / "dims.jsonl", [&](element row) {
        const auto geometry =
            shorter_side_center_crop(int_of(row["w"]), int_of(row["h"]), int_of(row["size"]));
        REQUIRE(geometry);
        CHECK(geometry->full_width == int_of(row["torchvision_shortest"].at(0)));
        CHECK(geometry->full_height == int_of(row["torchvision_shortest"].at(1)));
        CHECK(geometry->crop_left == int_of(row["torchvision_center_crop_left_top"].at(0)));
        CHECK(geometry->crop_top == int_of(row["torchvision_center_crop_left_top"].at(1)));
      });
  CHECK(rows > 0);
}

TEST_CASE("each byte becomes torchvision's float, to the last bit") {
  const auto data = test::reference_data("normalisation tables");
  if (!data) return;
  simdjson::dom::parser parser;
  const element tables = parser.load((*data / "resize" / "normalize_tables.json").string());
  for (const auto named : simdjson::dom::object(tables)) {
    std::array<float, 3> mean{};
    std::array<float, 3> std{};
    for (std::size_t c = 0; c < 3; ++c) {
      mean[c] = static_cast<float>(number_of(named.value["mean"].at(c)));
      std[c] = static_cast<float>(number_of(named.value["std"].at(c)));
    }
    const Normalizer normalizer(mean, std);
    Pixels ramp(256, 1);
    for (std::size_t i = 0; i < ramp.rgb.size(); ++i) {
      ramp.rgb[i] = static_cast<std::uint8_t>(i / 3);
    }
    std::vector<float> floats(ramp.rgb.size());
    normalizer.normalize(ramp.view(), floats.data());
    for (std::size_t c = 0; c < 3; ++c) {
      const element column = named.value["torchvision_to_tensor_normalize"].at(c);
      for (std::size_t value = 0; value < 256; ++value) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &floats[c * 256 + value], sizeof bits);
        CHECK(bits == std::stoul(text_of(column.at(value)), nullptr, 16));
      }
    }
  }
}

}  // namespace
}  // namespace millrace
