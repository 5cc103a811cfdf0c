#include "millrace/transforms/steps/rand_augment.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/photometric/byte_table.h"
#include "millrace/transforms/photometric/color_arithmetic.h"
#include "millrace/transforms/photometric/histogram_tables.h"
#include "millrace/transforms/photometric/sharpness.h"
#include "millrace/transforms/steps/image_transform.h"
#include "millrace/transforms/steps/nearest_affine.h"
#include "vector_targets.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;
using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 3> kFill = {7, 8, 9};

/// 5 x 3 pixels of which every byte is another one.
Pixels numbered() {
  Pixels image(5, 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>(i + 1);
  return image;
}

/// 64 x 40 pixels: a product, a parabola and a ramp.
Pixels slopes() {
  Pixels image(64, 40);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 64; ++x) {
      std::uint8_t* pixel = image.view().row(y) + std::ptrdiff_t{3} * x;
      pixel[0] = static_cast<std::uint8_t>(x * y / 11);
      pixel[1] = static_cast<std::uint8_t>(x * x / 40 + y);
      pixel[2] = static_cast<std::uint8_t>(255 - x * 2);
    }
  }
  return image;
}

/// The first eight and the last two pixels of a row of slopes().
Bytes ends_of_row_17(const Pixels& image) {
  const std::uint8_t* row = image.view().row(17);
  Bytes ends(row, row + 24);
  ends.insert(ends.end(), row + 186, row + 192);
  return ends;
}

Bytes transformed(const AffineMatrix& matrix, const Pixels& from) {
  Pixels to(from.width, from.height);
  transform_nearest(matrix, kFill, from.view(), to.view());
  return to.rgb;
}

Bytes moved(int right, int down, const Pixels& from) {
  Pixels to(from.width, from.height);
  translate(right, down, kFill, from.view(), to.view());
  return to.rgb;
}

Bytes sharpened(float factor, Pixels image) {
  PixelBuffer scratch;
  change_sharpness(factor, image.view(), scratch);
  return image.rgb;
}

TEST_CASE("shearing, moving and turning give the bytes of torchvision 0.29 on Pillow images") {
  CHECK(transformed(shear_right(0.5), numbered()) ==
        Bytes{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
              19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 7,  8,  9,
              34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 7,  8,  9});
  CHECK(transformed(shear_down(-0.3), numbered()) ==
        Bytes{1,  2,  3,  4,  5,  6,  7,  8,  9,  7,  8,  9,  7,  8,  9,
              16, 17, 18, 19, 20, 21, 7,  8,  9,  10, 11, 12, 13, 14, 15,
              31, 32, 33, 34, 35, 36, 22, 23, 24, 25, 26, 27, 28, 29, 30});
  CHECK(moved(-2, 0, numbered()) == Bytes{7,  8,  9,  10, 11, 12, 13, 14, 15, 7, 8, 9, 7, 8, 9,
                                          22, 23, 24, 25, 26, 27, 28, 29, 30, 7, 8, 9, 7, 8, 9,
                                          37, 38, 39, 40, 41, 42, 43, 44, 45, 7, 8, 9, 7, 8, 9});
  CHECK(moved(0, 1, numbered()) == Bytes{7,  8,  9,  7,  8,  9,  7,  8,  9,  7,  8,  9,
                                         7,  8,  9,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                         10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                         22, 23, 24, 25, 26, 27, 28, 29, 30});
  CHECK(transformed(rotation(25, {5, 3}), numbered()) ==
        Bytes{7,  8,  9,  7,  8,  9,  7,  8,  9,  25, 26, 27, 28, 29, 30,
              1,  2,  3,  19, 20, 21, 22, 23, 24, 25, 26, 27, 43, 44, 45,
              16, 17, 18, 19, 20, 21, 37, 38, 39, 37, 38, 39, 7,  8,  9});
}

TEST_CASE("an image moved out of itself is all fill, and one moved by nothing is itself") {
  Bytes fill;
  for (int i = 0; i < 15; ++i) fill.insert(fill.end(), kFill.begin(), kFill.end());
  for (const int far : {5, -5, 1000, -1000}) CHECK(moved(far, 0, numbered()) == fill);
  for (const int far : {3, -3, 1000, -1000}) CHECK(moved(0, far, numbered()) == fill);
  CHECK(moved(0, 0, numbered()) == numbered().rgb);
  CHECK(transformed({1, 0, 100, 0.1, 1, 100}, numbered()) == fill);
  CHECK(transformed({1, 0, -100, 0.1, 1, -100}, numbered()) == fill);
}

TEST_CASE("images beyond 2^15 pixels turn as smaller ones do") {
  const Pixels wide = make_pixels(40'000, 2, 3);
  Pixels to(40'000, 2);
  transform_nearest(shear_right(0.3), kFill, wide.view(), to.view());
  // From 0.5 + 0.15 and 0.5 + 0.45: no pixel moves. 0.5 + 0.9 is the next pixel.
  CHECK(to.rgb == wide.rgb);
  transform_nearest(shear_right(0.6), kFill, wide.view(), to.view());
  CHECK(std::equal(to.rgb.begin() + 120'000, to.rgb.end() - 3, wide.rgb.begin() + 120'003));
  CHECK(std::equal(kFill.begin(), kFill.end(), to.rgb.end() - 3));
}

TEST_CASE("sharpness gives Pillow's bytes, with every set of vector instructions") {
  Pixels image(6, 3);
  image.rgb = {0,   0,   0,   255, 255, 255, 255, 0,   0,   0,   255, 0,  0,   0,
               255, 255, 255, 0,   12,  200, 77,  200, 12,  77,  77,  12, 200, 200,
               77,  12,  77,  200, 12,  12,  77,  200, 128, 128, 128, 1,  0,   0,
               254, 255, 255, 90,  36,  90,  3,   250, 250, 17,  19,  23};
  test::for_each_vector_target([&](const std::string& target) {
    CAPTURE(target);
    CHECK(sharpened(1.9F, image) == Bytes{0,   0,  0,   255, 255, 255, 255, 0,  0,   0,   255,
                                          0,   0,  0,   255, 255, 255, 0,   12, 200, 77,  243,
                                          0,   56, 32,  0,   255, 255, 50,  0,  79,  244, 0,
                                          12,  77, 200, 128, 128, 128, 1,   0,  0,   254, 255,
                                          255, 90, 36,  90,  3,   250, 250, 17, 19,  23});
    CHECK(sharpened(0.1F, image) == Bytes{0,   0,  0,   255, 255, 255, 255, 0,  0,   0,   255,
                                          0,   0,  0,   255, 255, 255, 0,   12, 200, 77,  156,
                                          64,  97, 121, 66,  137, 141, 104, 78, 74,  155, 62,
                                          12,  77, 200, 128, 128, 128, 1,   0,  0,   254, 255,
                                          255, 90, 36,  90,  3,   250, 250, 17, 19,  23});
    CHECK(sharpened(1, image) == image.rgb);
  });
  for (const auto& [width, height] : {std::pair{3, 3}, {4, 9}, {37, 5}, {70, 6}, {2, 9}, {9, 2}}) {
    const Pixels noise = make_pixels(width, height, 8);
    Pixels expected = noise;
    for (int y = 1; y + 1 < height; ++y) {
      for (int i = 3; i < 3 * width - 3; ++i) {
        int sum = 4 * noise.view().row(y)[i];
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -3; dx <= 3; dx += 3) sum += noise.view().row(y + dy)[i + dx];
        }
        const int smooth = (2 * sum + 13) / 26;
        expected.view().row(y)[i] = blended(smooth, noise.view().row(y)[i], 1.7F);
      }
    }
    test::for_each_vector_target([&](const std::string& target) {
      CAPTURE(target);
      CHECK(sharpened(1.7F, noise) == expected.rgb);
    });
  }
}

TEST_CASE("tables give the bytes of Pillow's posterize, autocontrast and equalize") {
  Pixels colors(6, 3);
  colors.rgb = {0,   0,   0,   255, 255, 255, 255, 0,   0,   0,   255, 0,  0,   0,
                255, 255, 255, 0,   12,  200, 77,  200, 12,  77,  77,  12, 200, 200,
                77,  12,  77,  200, 12,  12,  77,  200, 128, 128, 128, 1,  0,   0,
                254, 255, 255, 90,  36,  90,  3,   250, 250, 17,  19,  23};
  apply_table(posterize_table(3), colors.view());
  CHECK(colors.rgb == Bytes{0,   0,   0,   224, 224, 224, 224, 0,   0,   0,   224, 0, 0,   0,
                            224, 224, 224, 0,   0,   192, 64,  192, 0,   64,  64,  0, 192, 192,
                            64,  0,   64,  192, 0,   0,   64,  192, 128, 128, 128, 0, 0,   0,
                            224, 224, 224, 64,  32,  64,  0,   224, 224, 0,   0,   0});
  test::for_each_vector_target([&](const std::string& target) {
    CAPTURE(target);
    Pixels image = slopes();
    apply_tables(equalize_tables(image.view()), image.view());
    CHECK(ends_of_row_17(image) == Bytes{0,   31,  255, 13,  31,  255, 22, 31,  255, 27,
                                         31,  255, 36,  31,  255, 40,  31, 255, 47,  31,
                                         253, 50,  34,  249, 201, 243, 4,  203, 246, 0});
    image = slopes();
    apply_tables(autocontrast_tables(image.view()), image.view());
    CHECK(ends_of_row_17(image) == Bytes{0,   31,  255, 1,   31,  250, 3,  31,  246, 4,
                                         31,  242, 6,   31,  238, 8,   31, 234, 10,  31,
                                         230, 11,  33,  226, 108, 208, 4,  110, 214, 0});
  });
  // One value alone has no contrast, and few pixels no frequencies.
  Pixels plain(4, 2);
  std::fill(plain.rgb.begin(), plain.rgb.end(), std::uint8_t{77});
  Pixels made = plain;
  apply_tables(autocontrast_tables(made.view()), made.view());
  CHECK(made.rgb == plain.rgb);
  apply_tables(equalize_tables(made.view()), made.view());
  CHECK(made.rgb == plain.rgb);
  CHECK(posterize_table(8)[201] == 201);
}

/// How often each result comes of `augment` over many seeds.
std::map<Bytes, int> results_of(const RandAugment& augment, const Pixels& image, int seeds) {
  const ImageTransformOptions options{
      {}, {CenterCrop{{image.width, image.height}}, augment}, {Dtype::uint8, PixelLayout::hwc}};
  ImageProcessor processor(options);
  Bytes slot(options.spec().slot_bytes());
  StageTimes times;
  std::map<Bytes, int> results;
  for (int seed = 0; seed < seeds; ++seed) {
    REQUIRE(processor.apply(image.view(), {static_cast<std::uint64_t>(seed)},
                            std::as_writable_bytes(std::span(slot)), times));
    ++results[slot];
  }
  return results;
}

TEST_CASE("each of the fourteen operations comes as often, nine of them to both sides as often") {
  Pixels image = make_pixels(64, 40, 3);
  for (std::uint8_t& byte : image.rgb) byte = static_cast<std::uint8_t>(byte / 2 + 30);
  const auto results = results_of({1, 20, 31, kFill}, image, 8400);
  REQUIRE(results.size() == 14 + 9);
  int halves = 0;
  int wholes = 0;
  for (const auto& [bytes, times] : results) {
    const bool is_half = times < 450;
    halves += is_half ? 1 : 0;
    wholes += is_half ? 0 : 1;
    CHECK(times > (is_half ? 230 : 500));
    CHECK(times < (is_half ? 380 : 700));
  }
  CHECK(halves == 18);
  CHECK(wholes == 5);
}

TEST_CASE("operations follow one another, and none leave the image as it is") {
  const Pixels image = slopes();
  CHECK(results_of({0, 20, 31, kFill}, image, 50).size() == 1);
  CHECK(results_of({3, 20, 31, kFill}, image, 50).size() > 45);
  // Of magnitude 0 the operations that are about a magnitude change nothing, but for solarize,
  // whose threshold is then 255.
  CHECK(results_of({1, 0, 31, kFill}, image, 500).size() == 4);
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 40}, {40, 1}, {2, 2}}) {
    CHECK(results_of({4, 30, 31, kFill}, make_pixels(width, height, 1), 200).size() > 1);
  }
}

TEST_CASE("a RandAugment says what it is and refuses what makes no sense") {
  CHECK(
      describe(RandAugment{2, 9, 31, {1, 2, 3}}) ==
      R"({"step":"rand_augment","num_ops":2,"magnitude":9,"num_magnitude_bins":31,"fill":[1,2,3]})");
  const auto refused = [](const RandAugment& step, const char* what) {
    CHECK_THROWS_WITH_AS(validate(step), doctest::Contains(what), std::invalid_argument);
  };
  refused({-1, 9, 31, {}}, "rand_augment: num_ops = -1");
  refused({2, 31, 31, {}}, "magnitude = 31: must be 0 to num_magnitude_bins - 1, 30");
  refused({2, -1, 31, {}}, "magnitude = -1");
  refused({2, 0, 1, {}}, "num_magnitude_bins = 1");
}

}  // namespace
}  // namespace millrace
