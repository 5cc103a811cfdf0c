#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/photometric/box_blur-inl.h"
#include "millrace/transforms/photometric/byte_table.h"
#include "millrace/transforms/photometric/color_arithmetic.h"
#include "millrace/transforms/photometric/enhance.h"
#include "millrace/transforms/photometric/gaussian_blur.h"
#include "millrace/transforms/photometric/gaussian_convolution.h"
#include "millrace/transforms/photometric/hue.h"
#include "millrace/transforms/photometric/luma.h"
#include "vector_targets.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;
using Bytes = std::vector<std::uint8_t>;
using Change = std::function<void(MutableImageView)>;

/// 6 x 3 pixels: corners of the colour cube, grays, every order of three channels.
Pixels small_image() {
  Pixels image(6, 3);
  image.rgb = {0,   0,   0,   255, 255, 255, 255, 0,   0,   0,   255, 0,  0,   0,
               255, 255, 255, 0,   12,  200, 77,  200, 12,  77,  77,  12, 200, 200,
               77,  12,  77,  200, 12,  12,  77,  200, 128, 128, 128, 1,  0,   0,
               254, 255, 255, 90,  36,  90,  3,   250, 250, 17,  19,  23};
  return image;
}

Bytes changed(Pixels image, const Change& change) {
  change(image.view());
  return image.rgb;
}

Change blurred(float sigma) {
  return [sigma](MutableImageView image) {
    PixelBuffer scratch;
    gaussian_blur(sigma, image, scratch);
  };
}

Change convolved(int kernel_size, float sigma) {
  return [=](MutableImageView image) {
    ConvolutionScratch scratch;
    convolve_gaussian(kernel_size, sigma, image, scratch);
  };
}

/// The sums of all weights, in 64 bits.
std::vector<double> slowly_convolved(const Pixels& image, int kernel_size, double sigma) {
  const int radius = kernel_size / 2;
  const auto mirrored = [](int at, int count) {
    while (count > 1 && (at < 0 || at >= count)) at = at < 0 ? -at : 2 * (count - 1) - at;
    return count > 1 ? at : 0;
  };
  std::vector<double> weights;
  double sum = 0;
  for (int k = -radius; k <= radius; ++k) {
    weights.push_back(std::exp(-0.5 * (k / sigma) * (k / sigma)));
    sum += weights.back();
  }
  const auto along = [&](const std::vector<double>& from, int count, int step) {
    std::vector<double> to(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      const int at = static_cast<int>(i) / step % count;
      for (int k = -radius; k <= radius; ++k) {
        const int apart = (mirrored(at + k, count) - at) * step;
        to[i] += weights[static_cast<std::size_t>(k + radius)] / sum *
                 from[static_cast<std::size_t>(static_cast<int>(i) + apart)];
      }
    }
    return to;
  };
  const std::vector<double> values(image.rgb.begin(), image.rgb.end());
  return along(along(values, image.width, 3), image.height, 3 * image.width);
}

/// Pixel by pixel, as if no processor had vectors.
Bytes slowly(Pixels image, const std::function<void(std::uint8_t*)>& change) {
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) change(&image.rgb[i]);
  return image.rgb;
}

/// One box blur of lines of `count` values `step` apart.
Bytes slowly_blurred(const Bytes& from, const BoxBlur& box, std::size_t count, std::size_t step) {
  Bytes to = from;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i / step % count);
    const auto neighbour = [&](std::ptrdiff_t far) {
      const auto last = static_cast<std::ptrdiff_t>(count) - 1;
      const std::ptrdiff_t to_it = std::clamp(at + far, std::ptrdiff_t{0}, last) - at;
      const auto apart = static_cast<std::ptrdiff_t>(step) * to_it;
      return std::uint64_t{from[static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i) + apart)]};
    };
    const auto radius = static_cast<std::ptrdiff_t>(box.radius);
    std::uint64_t sum = std::uint64_t{1} << 23;
    for (std::ptrdiff_t far = -radius; far <= radius; ++far) sum += neighbour(far) * box.inner;
    sum += (neighbour(-radius - 1) + neighbour(radius + 1)) * box.outer;
    to[i] = static_cast<std::uint8_t>(sum >> 24);
  }
  return to;
}

Bytes slowly_blurred(const Pixels& image, float sigma) {
  const BoxBlur box = box_blur_of(sigma);
  const auto width = static_cast<std::size_t>(image.width);
  Bytes rgb = image.rgb;
  for (int pass = 0; pass < 3; ++pass) rgb = slowly_blurred(rgb, box, width, 3);
  const auto height = static_cast<std::size_t>(image.height);
  for (int pass = 0; pass < 3; ++pass) rgb = slowly_blurred(rgb, box, height, 3 * width);
  return rgb;
}

TEST_CASE("colours change to the bytes of Pillow 13 and torchvision 0.29") {
  const Pixels image = small_image();
  const auto check = [&](const Change& change, const Bytes& expected) {
    test::for_each_vector_target([&](const std::string& target) {
      CAPTURE(target);
      CHECK(changed(image, change) == expected);
    });
  };
  check([](MutableImageView view) { change_brightness(1.3F, view); },
        {0,   0,   0,   255, 255, 255, 255, 0,   0,   0,   255, 0,   0,   0,   255, 255, 255, 0,
         15,  255, 100, 255, 15,  100, 100, 15,  255, 255, 100, 15,  100, 255, 15,  15,  100, 255,
         166, 166, 166, 1,   0,   0,   255, 255, 255, 116, 46,  116, 3,   255, 255, 22,  24,  29});
  check([](MutableImageView view) { change_contrast(0.6F, view); },
        {43,  43,  43,  196, 196, 196, 196, 43,  43,  43,  196, 43, 43, 43,  196, 196, 196, 43,
         50,  163, 89,  163, 50,  89,  89,  50,  163, 163, 89,  50, 89, 163, 50,  50,  89,  163,
         120, 120, 120, 43,  43,  43,  195, 196, 196, 97,  64,  97, 44, 193, 193, 53,  54,  56});
  check([](MutableImageView view) { change_saturation(1.7F, view); },
        {0,   0,   0,   255, 255, 255, 255, 0,   0,   0,   255, 0,   0,  0,   255, 255, 255, 0,
         0,   249, 39,  255, 0,   77,  93,  0,   255, 255, 56,  0,   31, 240, 0,   0,   80,  255,
         128, 128, 128, 1,   0,   0,   253, 255, 255, 112, 20,  112, 0,  255, 255, 15,  19,  25});
  check([](MutableImageView view) { change_hue(-0.1F, view); },
        {0,   0,   0,   255, 255, 255, 255, 0,   144, 150, 255, 0,  0,   150, 255, 255, 102, 0,
         61,  200, 13,  200, 13,  189, 13,  61,  200, 200, 13,  57, 189, 200, 13,  13,  189, 200,
         128, 128, 128, 1,   0,   1,   254, 255, 254, 58,  36,  90, 4,   250, 102, 17,  23,  23});
  check([](MutableImageView view) { make_gray(view); },
        {0,   0,   0,   255, 255, 255, 76,  76,  76,  150, 150, 150, 29,  29,  29,  226, 226, 226,
         130, 130, 130, 76,  76,  76,  53,  53,  53,  106, 106, 106, 142, 142, 142, 72,  72,  72,
         128, 128, 128, 0,   0,   0,   255, 255, 255, 58,  58,  58,  176, 176, 176, 19,  19,  19});
  check([](MutableImageView view) { apply_table(solarize_table(100), view); },
        {0,   0,   0,   0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
         12,  55,  77,  55, 12, 77, 77, 12, 55, 55, 77, 12, 77, 55, 12, 12, 77, 55,
         127, 127, 127, 1,  0,  0,  1,  0,  0,  90, 36, 90, 3,  5,  5,  17, 19, 23});
  check(blurred(0.8F),
        {64, 81,  65, 174, 123, 128, 174, 90,  77,  85,  136, 61,  69, 118, 122, 149, 171, 81,
         69, 119, 80, 135, 83,  105, 147, 78,  121, 117, 110, 79,  69, 138, 102, 64,  118, 114,
         90, 112, 96, 98,  78,  90,  153, 126, 154, 110, 115, 128, 44, 151, 141, 26,  84,  93});
  check(blurred(3),
        {100, 107, 92, 102, 110, 92, 102, 113, 91, 103, 118, 91, 103, 121, 90, 104, 124, 89,
         101, 107, 93, 101, 110, 93, 102, 113, 93, 102, 117, 92, 102, 120, 91, 102, 123, 90,
         101, 107, 94, 101, 110, 94, 101, 112, 94, 101, 116, 93, 101, 119, 92, 100, 122, 91});
}

TEST_CASE("a blur with a kernel gives the bytes of torchvision 0.29") {
  const Pixels image = small_image();
  test::for_each_vector_target([&](const std::string& target) {
    CAPTURE(target);
    CHECK(changed(image, convolved(5, 0.8F)) ==
          Bytes{113, 110, 99,  158, 99,  118, 159, 81,  95,  103, 116, 67,  75,  129,
                100, 87,  135, 112, 101, 101, 89,  134, 82,  107, 148, 79,  117, 115,
                110, 84,  71,  136, 99,  59,  133, 114, 89,  91,  80,  112, 76,  98,
                143, 93,  137, 119, 113, 111, 60,  143, 114, 35,  130, 118});
    CHECK(changed(image, convolved(3, 2)) ==
          Bytes{143, 110, 108, 127, 79,  108, 162, 80,  94,  107, 94,  75,  90,  136,
                79,  68,  133, 110, 115, 96,  95,  131, 94,  110, 150, 97,  101, 106,
                120, 114, 72,  130, 96,  51,  139, 134, 101, 68,  66,  109, 90,  118,
                143, 58,  108, 119, 124, 116, 74,  117, 92,  37,  159, 112});
  });
}

TEST_CASE("a blur with a kernel is a convolution, whatever the size, and the same by all kernels") {
  struct Case {
    int width, height, kernel_size;
    float sigma;
  };
  for (const Case& c : std::vector<Case>{{1, 1, 5, 1.0F},
                                         {2, 5, 9, 3.0F},
                                         {5, 2, 23, 0.3F},
                                         {70, 31, 1, 2.0F},
                                         {33, 64, 7, 1.1F},
                                         {64, 33, 23, 2.0F},
                                         {90, 100, 23, 0.01F},
                                         {40, 150, 61, 9.0F},
                                         {61, 62, 127, 40.0F}}) {
    CAPTURE(c.width);
    CAPTURE(c.kernel_size);
    const Pixels image = make_pixels(c.width, c.height, 4);
    const std::vector<double> sums =
        slowly_convolved(image, c.kernel_size, static_cast<double>(c.sigma));
    std::set<Bytes> results;
    test::for_each_vector_target([&](const std::string& /*target*/) {
      results.insert(changed(image, convolved(c.kernel_size, c.sigma)));
    });
    REQUIRE(results.size() == 1);
    const Bytes& made = *results.begin();
    double farthest = 0;
    for (std::size_t i = 0; i < made.size(); ++i) {
      farthest = std::max(farthest, std::abs(sums[i] - static_cast<double>(made[i])));
    }
    CHECK(farthest < 0.501);
  }
}

TEST_CASE("factors of 1 keep every pixel, factors of 0 leave black, the mean, or gray") {
  const Pixels image = make_pixels(40, 30, 2);
  const std::uint8_t mean = mean_luma(image.view());
  CHECK(changed(image, [](auto view) { change_brightness(1, view); }) == image.rgb);
  CHECK(changed(image, [](auto view) { change_contrast(1, view); }) == image.rgb);
  CHECK(changed(image, [](auto view) { change_saturation(1, view); }) == image.rgb);
  CHECK(changed(image, blurred(0)) == image.rgb);
  CHECK(changed(image, [](auto view) { change_brightness(0, view); }) ==
        Bytes(image.rgb.size(), 0));
  CHECK(changed(image, [](auto view) { change_contrast(0, view); }) ==
        Bytes(image.rgb.size(), mean));
  CHECK(changed(image, [](auto view) { change_saturation(0, view); }) ==
        changed(image, [](auto view) { make_gray(view); }));
}

TEST_CASE("every set of vector instructions changes colours as one pixel at a time does") {
  const auto gray = [](std::uint8_t* rgb) { return luma_of(rgb[0], rgb[1], rgb[2]); };
  for (int width = 1; width <= 150; width += width < 70 ? 1 : 13) {
    const Pixels image = make_pixels(width, 3, static_cast<std::uint32_t>(width));
    std::uint64_t sum = 0;
    const Bytes expected_gray = slowly(image, [&](std::uint8_t* rgb) {
      const std::uint8_t luma = gray(rgb);
      sum += luma;
      std::fill_n(rgb, 3, luma);
    });
    const double mean = static_cast<double>(sum) / (3.0 * width);
    const Bytes expected_saturation = slowly(image, [&](std::uint8_t* rgb) {
      const std::uint8_t luma = gray(rgb);
      for (std::size_t c = 0; c < 3; ++c) rgb[c] = blended(luma, rgb[c], 1.4F);
    });
    const Bytes expected_hue = slowly(image, [](std::uint8_t* rgb) { shift_hue_of(rgb, 99); });
    ByteTable table;
    for (std::size_t i = 0; i < 256; ++i) table[i] = static_cast<std::uint8_t>(i * i * 7 + 3 * i);
    Bytes expected_table = image.rgb;
    for (std::uint8_t& byte : expected_table) byte = table[byte];
    test::for_each_vector_target([&](const std::string& target) {
      CAPTURE(target);
      CHECK(mean_luma(image.view()) == static_cast<std::uint8_t>(mean + 0.5));
      CHECK(changed(image, [](auto view) { make_gray(view); }) == expected_gray);
      CHECK(changed(image, [](auto view) { blend_with_luma(1.4F, view); }) == expected_saturation);
      CHECK(changed(image, [](auto view) { shift_hue(99, view); }) == expected_hue);
      CHECK(changed(image, [&](auto view) { apply_table(table, view); }) == expected_table);
    });
  }
}

TEST_CASE("vectors turn the hue of colours all over the cube as float64 does") {
  constexpr std::size_t kBlues = 52;
  Pixels colors(256, 256 * kBlues);
  for (std::size_t i = 0; i < colors.rgb.size() / 3; ++i) {
    colors.rgb[3 * i] = static_cast<std::uint8_t>(i % 256);
    colors.rgb[3 * i + 1] = static_cast<std::uint8_t>(i / 256 % 256);
    colors.rgb[3 * i + 2] = static_cast<std::uint8_t>(i / 65536 * 5);
  }
  for (const std::uint8_t shift : {std::uint8_t{0}, std::uint8_t{41}}) {
    const Bytes expected = slowly(colors, [&](std::uint8_t* rgb) { shift_hue_of(rgb, shift); });
    test::for_each_vector_target([&](const std::string& target) {
      CAPTURE(target);
      CHECK((changed(colors, [&](auto view) { shift_hue(shift, view); }) == expected));
    });
  }
}

TEST_CASE("a blur is three boxes along each axis, whatever the size, radius and instructions") {
  for (const auto& [width, height] :
       {std::pair{1, 1}, {2, 9}, {50, 3}, {43, 70}, {7, 1}, {1, 30}}) {
    const Pixels image = make_pixels(width, height, 9);
    for (const float sigma : {0.1F, 0.5F, 1.0F, 1.99F, 4.0F, 64.0F}) {
      const Bytes expected = slowly_blurred(image, sigma);
      test::for_each_vector_target([&](const std::string& target) {
        CAPTURE(target);
        CAPTURE(sigma);
        CHECK(changed(image, blurred(sigma)) == expected);
      });
    }
  }
}

TEST_CASE("a part of a larger image is changed alone") {
  const Pixels whole = make_pixels(90, 40, 5);
  Pixels part(70, 20);
  const auto offset = static_cast<std::ptrdiff_t>((7 * 90 + 11) * 3);
  for (int y = 0; y < 20; ++y) {
    std::memcpy(part.view().row(y), whole.rgb.data() + offset + std::ptrdiff_t{270} * y, 210);
  }
  const std::vector<Change> changes = {[](MutableImageView view) { change_contrast(1.5F, view); },
                                       [](MutableImageView view) { change_saturation(0.5F, view); },
                                       [](MutableImageView view) { change_hue(0.3F, view); },
                                       [](MutableImageView view) { make_gray(view); },
                                       blurred(1.2F)};
  for (const Change& change : changes) {
    Pixels expected = whole;
    const Bytes changed_part = changed(part, change);
    for (std::ptrdiff_t y = 0; y < 20; ++y) {
      std::copy_n(changed_part.begin() + 210 * y, 210, expected.rgb.begin() + offset + 270 * y);
    }
    Pixels image = whole;
    change({image.rgb.data() + offset, 70, 20, 270});
    CHECK(image.rgb == expected.rgb);
  }
}

}  // namespace
}  // namespace millrace
