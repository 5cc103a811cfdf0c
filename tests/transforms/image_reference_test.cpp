#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/output/normalize.h"
#include "millrace/transforms/resize/native_resize.h"
#include "millrace/transforms/resize/resize.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/image_transform.h"
#include "millrace/transforms/steps/step_geometry-inl.h"
#include "reference_data.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

using simdjson::dom::element;
using test::Pixels;

std::string text_of(element value) { return std::string(value.get_string().value()); }
int int_of(element value) { return static_cast<int>(value.get_int64().value()); }
double number_of(element value) { return value.get_double().value(); }

Filter filter_named(std::string_view name) {
  const auto* const found =
      std::find_if(kAllFilters.begin(), kAllFilters.end(),
                   [&](Filter filter) { return filter_name(filter) == name; });
  REQUIRE(found != kAllFilters.end());
  return *found;
}

std::string sha256_of(const std::vector<std::uint8_t>& bytes) {
  return test::sha256_hex(bytes.data(), bytes.size());
}

TEST_CASE("every reference photo has Pillow's pixels") {
  const auto data = test::reference_data("photos");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  ImageDecoder decoder;
  std::size_t number = 0;
  std::size_t seen = 0;
  test::for_each_json_line(*data / "photos" / "manifest.jsonl", [&](element row) {
    if (number++ % test::kSanitizedStride != 0) return;
    const std::string name = "photos/" + text_of(row["shard"]) + "/" + text_of(row["key"]);
    const Result<ImageView> image = decoder.decode(photos.at(name));
    REQUIRE_MESSAGE(image, name);
    CHECK(image->width == int_of(row["width"]));
    CHECK(image->height == int_of(row["height"]));
    CHECK_MESSAGE(sha256_of(test::packed_rgb(*image)) == text_of(row["sha256_rgb"]), name);
    ++seen;
  });
  CHECK(number == photos.size());
  CHECK(seen * test::kSanitizedStride >= photos.size());
}

/// Pillow's tobytes() of an image of this mode that has these planes.
std::vector<std::uint8_t> packed_mode(ImageView color, ImageView fourth, const std::string& mode,
                                      const std::vector<std::uint8_t>& palette) {
  if (mode == "RGB") return test::packed_rgb(color);
  std::vector<std::uint8_t> packed;
  for (int y = 0; y < color.height; ++y) {
    for (int x = 0; x < color.width; ++x) {
      const std::uint8_t* rgb = color.row(y) + std::size_t{3} * static_cast<std::size_t>(x);
      const auto push = [&](std::initializer_list<std::uint8_t> bytes) {
        packed.insert(packed.end(), bytes);
      };
      if (mode == "1") {
        if (x % 8 == 0) push({0});
        if (rgb[0] != 0) packed.back() |= static_cast<std::uint8_t>(128 >> x % 8);
      } else if (mode == "P") {
        std::size_t entry = 0;
        while (!std::equal(rgb, rgb + 3, &palette.at(entry * 3))) ++entry;
        push({static_cast<std::uint8_t>(entry)});
      } else if (mode == "I;16") {
        push({rgb[1], rgb[0]});
      } else if (mode == "L" || mode == "LA") {
        push({rgb[0]});
      } else {
        push({rgb[0], rgb[1], rgb[2]});
      }
      if (mode == "LA" || mode == "RGBA" || mode == "CMYK") {
        push({fourth.row(y)[std::size_t{3} * static_cast<std::size_t>(x)]});
      }
    }
  }
  return packed;
}

TEST_CASE("resizing in any mode with any filter, size and box equals Pillow's bytes") {
  const auto data = test::reference_data("resize");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  std::map<std::string, test::ModePixels> inputs;
  Resizer resizer;
  NativeResizer native_resizer;
  std::size_t number = 0;
  std::map<std::string, std::size_t> compared;
  test::for_each_json_line(*data / "resize" / "resize.jsonl", [&](element row) {
    const std::string mode = text_of(row["in_mode"]);
    if (mode == "I" || mode == "F") return;  // no JPEG, PNG or WebP has 32 bits
    if (number++ % test::kSanitizedStride != 0) return;
    const std::string name = simdjson::minify(row["input"]);
    if (!inputs.contains(name)) inputs[name] = test::read_resize_input(*data, row["input"], photos);
    const test::ModePixels& input = inputs[name];
    Resizer::Geometry geometry;
    geometry.full_width = int_of(row["out_width"]);
    geometry.full_height = int_of(row["out_height"]);
    simdjson::dom::array box;
    if (row["box"].get(box) == simdjson::SUCCESS) {
      geometry.box = {number_of(box.at(0)), number_of(box.at(1)), number_of(box.at(2)),
                      number_of(box.at(3))};
    }
    Pixels output(std::max(0, geometry.full_width), std::max(0, geometry.full_height));
    Pixels fourth = output;
    const Filter filter = filter_named(text_of(row["filter"]));
    const bool is_native = mode != "RGB" && mode != "L";
    CHECK(is_native == (input.mode != NativeMode::rgb));
    const Result<void> resized =
        is_native ? native_resizer.resize(input.view().native, geometry.box, filter,
                                          {output.view(), fourth.view()})
                  : resizer.resize(input.rgb.view(), geometry, filter, output.view());
    CHECK_MESSAGE(resized.has_value() == row["ok"].get_bool().value(), simdjson::minify(row));
    if (resized) {
      const auto packed = packed_mode(output.view(), fourth.view(), mode, input.palette);
      CHECK_MESSAGE(sha256_of(packed) == text_of(row["sha256"]), simdjson::minify(row));
    }
    ++compared[mode];
  });
  for (const auto& [mode, rows] : compared) {
    MESSAGE(mode << ": " << rows << " rows");
    CHECK(rows * test::kSanitizedStride > (mode == "RGB" ? 3000 : 40));
  }
  CHECK(compared.size() == 8);
}

ImageSize size_of_argument(element argument) {
  simdjson::dom::array sides;
  if (argument.get(sides) != simdjson::SUCCESS) return square(int_of(argument));
  return {int_of(sides.at(1)), int_of(sides.at(0))};
}

/// What a row of the references says, as options.
ImageTransformOptions options_of(element row) {
  const std::string impl = text_of(row["impl"]);
  const element args = row["args"];
  element given;
  const auto has = [&](const char* name) { return args[name].get(given) == simdjson::SUCCESS; };
  ImageTransformOptions options;
  if (impl == "open_clip.image_transform") {
    OpenClipResize mode = OpenClipResize::shortest;
    if (has("resize_mode")) {
      mode = text_of(given) == "longest" ? OpenClipResize::longest : OpenClipResize::squash;
    }
    Filter filter = Filter::bicubic;
    if (has("interpolation")) filter = filter_named(text_of(given));
    std::array<std::uint8_t, 3> fill{};
    if (has("fill_color")) fill.fill(static_cast<std::uint8_t>(int_of(given)));
    options.steps = open_clip_steps(size_of_argument(args["image_size"]), mode, filter, fill);
    if (has("mean")) options.output.normalization = kInceptionNormalization;
  } else if (impl == "transformers.CLIPImageProcessorPil") {
    const int size = has("size") ? int_of(given["shortest_edge"]) : 224;
    options.steps =
        hugging_face_clip_steps(size, has("resample") ? Filter::bilinear : Filter::bicubic);
  } else {
    REQUIRE(impl == "transformers.SiglipImageProcessorPil");
    const int size = has("size") ? int_of(given["height"]) : 224;
    options.steps = open_clip_steps(square(size), OpenClipResize::squash);
    options.output.normalization = kInceptionNormalization;
  }
  return options;
}

TEST_CASE("open_clip's and Hugging Face's preprocessing, as bytes and as floats") {
  const auto data = test::reference_data("preprocess");
  if (!data) return;
  const auto photos = test::read_photos(*data);
  std::map<std::string, test::ModePixels> inputs;
  std::map<std::string, std::size_t> compared;
  StageTimes times;
  std::size_t number = 0;
  test::for_each_json_line(*data / "resize" / "preprocess.jsonl", [&](element row) {
    if (number++ % test::kSanitizedStride != 0) return;
    const std::string impl = text_of(row["impl"]);
    const std::string name = simdjson::minify(row["input"]);
    if (!inputs.contains(name)) inputs[name] = test::read_resize_input(*data, row["input"], photos);
    const test::ModePixels& pixels = inputs[name];
    REQUIRE(pixels.rgb.width > 0);
    // Hugging Face's processors lay whatever they are given over white.
    const bool rgb_first = row["converted_to_rgb_before"].get_bool().value();
    const DecodedImage input = rgb_first ? DecodedImage(pixels.rgb.view())
                               : impl.starts_with("transformers")
                                   ? DecodedImage(pixels.over_white.view())
                                   : pixels.view();
    if (impl.starts_with("torchvision.resized_crop")) {
      const element box = row["args"];
      const int size = int_of(box["size"]);
      const ImageWindow window{int_of(box["left"]), int_of(box["top"]), int_of(box["width"]),
                               int_of(box["height"])};
      DecodedImage part{part_of<ImageView>(input, window), input.native};
      if (part.native.color.data != nullptr) {
        part.native.color = part_of(input.native.color, window);
      }
      if (part.native.fourth.data != nullptr) {
        part.native.fourth = part_of(input.native.fourth, window);
      }
      ImageTransformOptions options;
      options.steps = {Resize{ResizeTo::exact, {size, size}, Filter::bicubic}};
      options.output = {Dtype::uint8, PixelLayout::hwc};
      Pixels resized(size, size);
      REQUIRE(ImageProcessor(options).apply(part, {},
                                            std::as_writable_bytes(std::span(resized.rgb)), times));
      CHECK_MESSAGE(sha256_of(resized.rgb) == text_of(row["sha256_u8_hwc"]), simdjson::minify(row));
      ++compared["resized_crop"];
      return;
    }
    ImageTransformOptions options = options_of(row);
    std::vector<float> floats(options.spec().slot_bytes() / sizeof(float));
    REQUIRE(
        ImageProcessor(options).apply(input, {}, std::as_writable_bytes(std::span(floats)), times));
    CHECK_MESSAGE(test::sha256_hex(floats.data(), floats.size() * sizeof(float)) ==
                      text_of(row["sha256_f32_chw"]),
                  simdjson::minify(row));
    options.output = {Dtype::uint8, PixelLayout::hwc};
    std::vector<std::uint8_t> bytes(options.spec().slot_bytes());
    REQUIRE(
        ImageProcessor(options).apply(input, {}, std::as_writable_bytes(std::span(bytes)), times));
    element expected;
    if (row["sha256_u8_hwc"].get(expected) == simdjson::SUCCESS) {
      CHECK_MESSAGE(sha256_of(bytes) == text_of(expected), simdjson::minify(row));
    }
    ++compared[impl];

    if (text_of(row["input"]["kind"]) != "photo") return;
    options.output = options_of(row).output;
    const auto& jpeg =
        photos.at(text_of(row["input"]["shard"]) + "/" + text_of(row["input"]["key"]));
    StageTimes of_one;
    std::vector<float> slot(floats.size());
    REQUIRE(image_transform(options)->make_writer()->write(
        jpeg, std::as_writable_bytes(std::span(slot)), {}, of_one));
    CHECK(std::memcmp(slot.data(), floats.data(), floats.size() * sizeof(float)) == 0);
    CHECK(of_one[Stage::decode].bytes == jpeg.size());
    CHECK(of_one[Stage::resize].items == 1);
    CHECK(of_one[Stage::normalize].items == 1);
  });
  for (const auto& [impl, rows] : compared) {
    MESSAGE(impl << ": " << rows << " rows");
    CHECK(rows * test::kSanitizedStride > 50);
  }
  CHECK(compared.size() == 4);
}

TEST_CASE("sizes and crops follow torchvision's rounding") {
  const auto data = test::reference_data("output sizes");
  if (!data) return;
  const std::size_t rows =
      test::for_each_json_line(*data / "resize" / "dims.jsonl", [&](element row) {
        const ImageSize from{int_of(row["w"]), int_of(row["h"])};
        const int size = int_of(row["size"]);
        const auto check_resize = [&](const Resize& resize, const char* name) {
          const Result<ImageSize> made = resized_size(resize, from);
          const ImageSize expected{int_of(row[name].at(0)), int_of(row[name].at(1))};
          // Pillow refuses a side without pixels.
          const bool ok = expected.width > 0 && expected.height > 0;
          CHECK_MESSAGE(made.value_or(ImageSize{}) == (ok ? expected : ImageSize{}),
                        simdjson::minify(row));
          return expected;
        };
        const auto check_crop = [&](ImageSize resized, CropRounding rounding, const char* name) {
          const CropPlacement placed = place_center_crop({square(size), rounding, {}}, resized);
          CHECK(placed.kept.left == int_of(row[name].at(0)));
          CHECK(placed.kept.top == int_of(row[name].at(1)));
        };
        const ImageSize resized =
            check_resize({ResizeTo::shortest, square(size)}, "torchvision_shortest");
        check_resize({ResizeTo::shortest, square(size)}, "hf_shortest_edge");
        check_resize({ResizeTo::longest, square(size)}, "open_clip_longest");
        const ImageSize target{int_of(row["open_clip_nonsquare_target"].at(0)),
                               int_of(row["open_clip_nonsquare_target"].at(1))};
        CAPTURE(target.width);
        CAPTURE(target.height);
        check_resize({ResizeTo::cover, target}, "open_clip_nonsquare_shortest");
        check_crop(resized, CropRounding::half_even, "torchvision_center_crop_left_top");
        check_crop(resized, CropRounding::floor, "hf_center_crop_left_top");
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
    const Normalizer normalizer({Dtype::float32, PixelLayout::chw, {mean, std}});
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
