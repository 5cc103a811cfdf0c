#include "millrace/transforms/resize/resize.h"

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include "image_fixtures.h"
#include "millrace/transforms/resize/resize_passes.h"
#include "millrace/transforms/resize/resize_scalar.h"
#include "millrace/transforms/resize/resize_weights.h"
#include "millrace/transforms/steps/clip_image.h"
#include "vector_targets.h"

namespace millrace {
namespace {

using test::for_each_vector_target;
using test::make_pixels;
using test::Pixels;

constexpr std::array kFilters = {Filter::box, Filter::bilinear, Filter::hamming, Filter::bicubic,
                                 Filter::lanczos};

struct Case {
  int in_width, in_height;
  Resizer::Geometry geometry;
  int out_width, out_height;
  Filter filter;
};

Case random_case(std::mt19937& random) {
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  Case drawn{};
  drawn.in_width = between(1, between(0, 3) == 0 ? 12 : 180);
  drawn.in_height = between(1, between(0, 3) == 0 ? 12 : 180);
  drawn.geometry.full_width = between(1, 130);
  drawn.geometry.full_height = between(1, 130);
  drawn.out_width = between(1, drawn.geometry.full_width);
  drawn.out_height = between(1, drawn.geometry.full_height);
  drawn.geometry.crop_left = between(0, drawn.geometry.full_width - drawn.out_width);
  drawn.geometry.crop_top = between(0, drawn.geometry.full_height - drawn.out_height);
  if (between(0, 2) == 0) {
    const double left = between(0, drawn.in_width * 10 - 1) / 10.0;
    const double top = between(0, drawn.in_height * 10 - 1) / 10.0;
    drawn.geometry.box = {left, top,
                          std::min<double>(drawn.in_width, left + between(1, 900) / 10.0),
                          std::min<double>(drawn.in_height, top + between(1, 900) / 10.0)};
  }
  drawn.filter = kFilters[static_cast<std::size_t>(between(0, 4))];
  return drawn;
}

Pixels run(const Case& drawn, const Pixels& input) {
  Resizer resizer;
  Pixels output(drawn.out_width, drawn.out_height);
  REQUIRE(resizer.resize(input.view(), drawn.geometry, drawn.filter, output.view()));
  return output;
}

TEST_CASE("every vector target resizes to the bytes of the scalar twin") {
  std::vector<Case> cases;
  std::vector<Pixels> inputs;
  std::vector<Pixels> expected;
  std::mt19937 random(20);
  hwy::SetSupportedTargetsForTest(HWY_SCALAR);
  hwy::GetChosenTarget().Update(HWY_SCALAR);
  for (std::uint32_t i = 0; i < 400; ++i) {
    cases.push_back(random_case(random));
    inputs.push_back(make_pixels(cases.back().in_width, cases.back().in_height, i));
    expected.push_back(run(cases.back(), inputs.back()));
  }
  for_each_vector_target([&](const std::string& target) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      CHECK_MESSAGE(run(cases[i], inputs[i]).rgb == expected[i].rgb, target << ", case " << i);
    }
  });
}

TEST_CASE("a window of the resized image is cut out of the whole of it") {
  const Pixels input = make_pixels(61, 47, 1);
  Resizer resizer;
  Pixels whole(40, 33);
  REQUIRE(resizer.resize(input.view(), {40, 33, 0, 0, {}}, Filter::bicubic, whole.view()));
  Pixels window(17, 9);
  REQUIRE(resizer.resize(input.view(), {40, 33, 11, 20, {}}, Filter::bicubic, window.view()));
  for (int y = 0; y < window.height; ++y) {
    const std::uint8_t* row = whole.view().row(y + 20) + 11 * 3;
    CHECK(std::equal(row, row + 17 * 3, window.view().row(y)));
  }
}

TEST_CASE("a row of the input is never read past its end") {
  // Each row ends where the next one begins with other pixels: reading on would change the result.
  const Pixels wide = make_pixels(64, 40, 2);
  for (int width = 1; width <= 40; ++width) {
    Pixels exact(width, 40);
    for (int y = 0; y < 40; ++y) {
      std::copy_n(wide.view().row(y), static_cast<std::size_t>(width) * 3, exact.view().row(y));
    }
    const ImageView part{wide.rgb.data(), width, 40, std::size_t{64} * 3};
    Resizer resizer;
    Pixels a(23, 19);
    Pixels b(23, 19);
    REQUIRE(resizer.resize(part, {23, 19, 0, 0, {}}, Filter::lanczos, a.view()));
    REQUIRE(resizer.resize(exact.view(), {23, 19, 0, 0, {}}, Filter::lanczos, b.view()));
    CHECK(a.rgb == b.rgb);
  }
}

TEST_CASE("a plain image keeps its colour at every size") {
  Resizer resizer;
  Pixels input(37, 53);
  for (std::size_t i = 0; i < input.rgb.size(); ++i) {
    input.rgb[i] = static_cast<std::uint8_t>(10 + 100 * (i % 3));
  }
  for (const int size : {1, 2, 3, 16, 37, 53, 90}) {
    for (const Filter filter : kFilters) {
      Pixels output(size, size + 1);
      REQUIRE(resizer.resize(input.view(), {size, size + 1, 0, 0, {}}, filter, output.view()));
      for (std::size_t i = 0; i < output.rgb.size(); ++i) {
        REQUIRE(output.rgb[i] == 10 + 100 * (i % 3));
      }
    }
  }
}

TEST_CASE("an image that is tall enough goes through the passes in Pillow 13's other order") {
  const Pixels input = make_pixels(100, 151, 3);
  Resizer resizer;
  Pixels output(50, 50);
  REQUIRE(resizer.resize(input.view(), {50, 50, 0, 0, {}}, Filter::bicubic, output.view()));
  Pixels lower(100, 50);
  REQUIRE(resizer.resize(input.view(), {100, 50, 0, 0, {}}, Filter::bicubic, lower.view()));
  Pixels both(50, 50);
  REQUIRE(resizer.resize(lower.view(), {50, 50, 0, 0, {}}, Filter::bicubic, both.view()));
  CHECK(output.rgb == both.rgb);
}

TEST_CASE("sizes, windows and boxes that lie outside are refused") {
  const Pixels input = make_pixels(10, 10, 4);
  Resizer resizer;
  Pixels output(5, 5);
  const auto refused = [&](const Resizer::Geometry& geometry) {
    const auto result = resizer.resize(input.view(), geometry, Filter::bicubic, output.view());
    return !result && result.error().reason == Reason::bad_image;
  };
  CHECK(refused({0, 5, 0, 0, {}}));
  CHECK(refused({5, -1, 0, 0, {}}));
  CHECK(refused({5, 5, 1, 0, {}}));
  CHECK(refused({5, 5, 0, -1, {}}));
  CHECK(refused({4, 5, 0, 0, {}}));
  CHECK(refused({5, 5, 0, 0, {{-1, 0, 5, 5}}}));
  CHECK(refused({5, 5, 0, 0, {{0, 0, 10.5, 5}}}));
  CHECK(refused({5, 5, 0, 0, {{6, 0, 5, 5}}}));
  CHECK(refused({5, 5, 0, 0, {{0, 0, std::numeric_limits<double>::quiet_NaN(), 5}}}));
  CHECK(refused({5, 5, std::numeric_limits<int>::max(), 0, {}}));
  ImageView nothing;
  CHECK(!resizer.resize(nothing, {5, 5, 0, 0, {}}, Filter::bicubic, output.view()));
}

TEST_CASE("a box without area spreads what lies there, as in Pillow; without a box it is all") {
  Pixels input(10, 10);
  for (std::size_t i = 0; i < input.rgb.size(); ++i) {
    input.rgb[i] = static_cast<std::uint8_t>(i * 7 + i / 3 * i % 31);
  }
  Resizer resizer;
  // Pillow 13.0.0: resize((3, 2), filter, box=(0, 0, 0, 0)).
  const std::array<std::pair<Filter, std::array<std::uint8_t, 3>>, 4> answers = {
      std::pair{Filter::nearest, std::array<std::uint8_t, 3>{0, 7, 14}},
      std::pair{Filter::bilinear, std::array<std::uint8_t, 3>{0, 7, 14}},
      std::pair{Filter::bicubic, std::array<std::uint8_t, 3>{0, 0, 0}},
      std::pair{Filter::lanczos, std::array<std::uint8_t, 3>{0, 0, 0}}};
  for (const auto& [filter, pixel] : answers) {
    Pixels output(3, 2);
    REQUIRE(resizer.resize(input.view(), {3, 2, 0, 0, {{0, 0, 0, 0}}}, filter, output.view()));
    for (std::size_t i = 0; i < output.rgb.size(); ++i) CHECK(output.rgb[i] == pixel[i % 3]);
  }
  Pixels all(10, 10);
  REQUIRE(resizer.resize(input.view(), {10, 10, 0, 0, {}}, Filter::bicubic, all.view()));
  CHECK(all.rgb == input.rgb);
}

TEST_CASE("nearest takes the pixel under the middle of each new one, of any size and box") {
  // Rows of exactly as many bytes as pixels, so that a sanitizer sees what lies beside them.
  const auto source = [](double begin, double end, int out_size, int wanted) {
    const double step = (end - begin) / out_size;
    double at = begin + step * 0.5;
    for (int i = 0; i < wanted; ++i) at += step;
    return static_cast<std::size_t>(at);
  };
  Resizer resizer;
  for (int in = 1; in <= 9; ++in) {
    Pixels input(in, in + 2);
    for (std::size_t i = 0; i < input.rgb.size(); ++i) {
      input.rgb[i] = static_cast<std::uint8_t>(i * 37 + 1);
    }
    for (int out = 1; out <= 20; ++out) {
      using Edges = std::array<double, 4>;
      for (const Edges& box :
           {Edges{0, 0, in * 1.0, in + 2.0}, Edges{0.25, 0.5, in - 0.25, in + 1.0}}) {
        Pixels output(out, out + 1);
        REQUIRE(resizer.resize(input.view(), {out, out + 1, 0, 0, {box}}, Filter::nearest,
                               output.view()));
        std::vector<std::uint8_t> expected;
        for (int y = 0; y <= out; ++y) {
          for (int x = 0; x < out; ++x) {
            const std::size_t row = source(box[1], box[3], out + 1, y);
            const std::size_t column = source(box[0], box[2], out, x);
            const auto pixel =
                input.rgb.begin() +
                static_cast<std::ptrdiff_t>((row * static_cast<std::size_t>(in) + column) * 3);
            expected.insert(expected.end(), pixel, pixel + 3);
          }
        }
        REQUIRE(output.rgb == expected);
      }
    }
  }
}

TEST_CASE("a CLIP transform says what it makes, and refuses sizes that make no sense") {
  const auto floats = clip_transform(224);
  CHECK(floats->output().dtype == Dtype::float32);
  CHECK(floats->output().shape == std::vector<std::int64_t>{3, 224, 224});
  CHECK(floats->output().slot_bytes() == 3 * 224 * 224 * 4);
  CHECK(floats->describe() ==
        R"({"type":"clip_image","size":224,"max_image_pixels":178956970,"max_jpeg_scans":500,)"
        R"("mean":[0.48145467,0.4578275,0.40821072],"std":[0.26862955,0.2613026,0.2757771]})");
  const auto bytes = clip_pixels(336, {.max_image_pixels = 1000, .max_jpeg_scans = 20});
  CHECK(bytes->output().dtype == Dtype::uint8);
  CHECK(bytes->output().shape == std::vector<std::int64_t>{336, 336, 3});
  CHECK(bytes->describe() ==
        R"({"type":"clip_pixels","size":336,"max_image_pixels":1000,"max_jpeg_scans":20})");
  CHECK_THROWS_AS(clip_transform(0), std::invalid_argument);
  CHECK_THROWS_AS(clip_transform(8193), std::invalid_argument);
  CHECK_THROWS_AS(clip_pixels(-1), std::invalid_argument);
}

}  // namespace
}  // namespace millrace
