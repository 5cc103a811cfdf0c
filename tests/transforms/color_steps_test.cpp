#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/photometric/enhance.h"
#include "millrace/transforms/photometric/gaussian_blur.h"
#include "millrace/transforms/photometric/gaussian_convolution.h"
#include "millrace/transforms/photometric/luma.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;
using Bytes = std::vector<std::uint8_t>;

const CenterCrop kWhole{{40, 30}};

/// What a step makes of an image of 40 x 30.
Bytes after(const ImageStep& step, const Pixels& image, std::uint64_t seed = 0) {
  const ImageTransformOptions options{{}, {kWhole, step}, {Dtype::uint8, PixelLayout::hwc}};
  Bytes slot(options.spec().slot_bytes());
  StageTimes times;
  ImageProcessor processor(options);
  REQUIRE(processor.apply(image.view(), {seed}, std::as_writable_bytes(std::span(slot)), times));
  return slot;
}

ColorJitter jitter_by(float brightness, float contrast, float saturation, float hue) {
  return {{brightness, brightness}, {contrast, contrast}, {saturation, saturation}, {hue, hue}, 1};
}

TEST_CASE(
    "a jitter of given factors changes brightness, contrast, saturation and hue in any order") {
  const Pixels image = make_pixels(40, 30, 6);
  const auto change = [](int which, MutableImageView view) {
    if (which == 0) change_brightness(1.25F, view);
    if (which == 1) change_contrast(0.7F, view);
    if (which == 2) change_saturation(1.5F, view);
    if (which == 3) change_hue(0.1F, view);
  };
  const ColorJitter all = jitter_by(1.25F, 0.7F, 1.5F, 0.1F);
  const std::array<ColorJitter, 4> alone = {jitter_by(1.25F, 1, 1, 0), jitter_by(1, 0.7F, 1, 0),
                                            jitter_by(1, 1, 1.5F, 0), jitter_by(1, 1, 1, 0.1F)};
  for (int which = 0; which < 4; ++which) {
    Pixels expected = image;
    change(which, expected.view());
    CHECK(after(alone[static_cast<std::size_t>(which)], image) == expected.rgb);
  }
  std::map<Bytes, int> orders;
  std::array<int, 4> order = {0, 1, 2, 3};
  do {
    Pixels expected = image;
    for (const int which : order) change(which, expected.view());
    orders[expected.rgb] = 0;
  } while (std::next_permutation(order.begin(), order.end()));
  REQUIRE(orders.size() == 24);
  for (std::uint64_t seed = 0; seed < 2400; ++seed) {
    const auto found = orders.find(after(all, image, seed));
    REQUIRE(found != orders.end());
    ++found->second;
  }
  for (const auto& [bytes, times] : orders) {
    CHECK(times > 60);
    CHECK(times < 145);
  }
}

TEST_CASE("factors are drawn evenly from all of their range") {
  Pixels image(40, 30);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{100});
  std::array<int, 101> found{};
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const std::uint8_t value = after(ColorJitter{{0.5F, 1.5F}}, image, seed)[0];
    REQUIRE(value >= 50);
    REQUIRE(value <= 150);
    ++found[value - 50U];
  }
  CHECK(*std::min_element(found.begin(), found.end() - 1) > 20);
  CHECK(*std::max_element(found.begin(), found.end()) < 90);
}

TEST_CASE("steps that change colours come as often as they should, and leave the image alone") {
  const Pixels image = make_pixels(40, 30, 7);
  const Bytes plain = after(HorizontalFlip{0}, image);
  ColorJitter jitter = jitter_by(1.2F, 1, 1, 0);
  jitter.probability = 0.3F;
  for (const ImageStep& step : std::vector<ImageStep>{
           jitter, Grayscale{0.3F}, GaussianBlur{{1, 1}, 0.3F}, Solarize{100, 0.3F}}) {
    CAPTURE(step_name(step));
    int changed = 0;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      changed += after(step, image, seed) != plain ? 1 : 0;
    }
    CHECK(changed > 500);
    CHECK(changed < 700);
  }
  CHECK(image.rgb == make_pixels(40, 30, 7).rgb);
}

TEST_CASE("a blur draws its sigma from its range") {
  const Pixels image = make_pixels(40, 30, 8);
  const auto blurred = [&](float sigma) {
    PixelBuffer scratch;
    Pixels made = image;
    gaussian_blur(sigma, made.view(), scratch);
    return made.rgb;
  };
  CHECK(after(GaussianBlur{{1.5F, 1.5F}, 1}, image) == blurred(1.5F));
  std::set<Bytes> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    different.insert(after(GaussianBlur{{0.1F, 2}, 1}, image, seed));
  }
  CHECK(different.size() == 20);
  Pixels convolved = image;
  ConvolutionScratch scratch;
  convolve_gaussian(7, 1.5F, convolved.view(), scratch);
  CHECK(after(GaussianBlur{{1.5F, 1.5F}, 1, 7}, image) == convolved.rgb);
}

TEST_CASE(
    "an image and its mask are cropped and flipped equally, though only one has its colours "
    "changed") {
  Pixels image = make_pixels(60, 50, 4);
  make_gray(image.view());
  RandomResizedCrop crop;
  crop.size = {40, 30};
  const auto made = [&](const std::vector<ImageStep>& steps, std::uint64_t seed) {
    const ImageTransformOptions options{{}, steps, {Dtype::uint8, PixelLayout::hwc}};
    Bytes slot(options.spec().slot_bytes());
    StageTimes times;
    ImageProcessor processor(options);
    REQUIRE(processor.apply(static_cast<ImageView>(image.view()), {seed},
                            std::as_writable_bytes(std::span(slot)), times));
    return slot;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // What is gray already is not changed by becoming gray.
    CHECK(made({crop, Grayscale{1}, HorizontalFlip{}}, seed) ==
          made({crop, HorizontalFlip{}}, seed));
  }
}

TEST_CASE("open_clip's and SimCLR's augmentations are made of these steps") {
  const auto described = [](const std::vector<ImageStep>& steps) {
    std::string text;
    for (const ImageStep& step : steps) text += describe(step) + "\n";
    return text;
  };
  const std::string crop = R"({"step":"random_resized_crop","size":32,"scale":[)";
  const std::string rest = R"(],"ratio":[0.75,1.3333334],"filter":"bicubic"})"
                           "\n";
  CHECK(described(open_clip_train_steps(square(32))) == crop + "0.9,1" + rest);
  CHECK(described(open_clip_train_steps(square(32),
                                        {{0.5F, 1}, {0.25F, 0.5F, 0.75F, 0.125F}, 0.8F, 0.2F})) ==
        crop + "0.5,1" + rest +
            R"({"step":"color_jitter","brightness":[0.75,1.25],"contrast":[0.5,1.5],)"
            R"("saturation":[0.25,1.75],"hue":[-0.125,0.125],"probability":0.8})"
            "\n"
            R"({"step":"grayscale","probability":0.2})"
            "\n");
  const std::string simclr = described(simclr_steps(square(32), 1.25F));
  CHECK(simclr.find(crop + "0.08,1" + rest + R"({"step":"horizontal_flip")") == 0);
  CHECK(
      simclr.find(R"("brightness":[0,2],"contrast":[0,2],"saturation":[0,2],"hue":[-0.25,0.25])") !=
      std::string::npos);
  CHECK(simclr.find(R"({"step":"gaussian_blur","sigma":[0.1,2],"probability":0.5})") !=
        std::string::npos);
  CHECK(describe(Solarize{}) == R"({"step":"solarize","threshold":128,"probability":0.5})");
  CHECK_NOTHROW(clip_train_transform(32, {}, {{0.9F, 1}, {0.4F, 0.4F, 0.4F, 0.1F}, 0.8F, 0.2F}));
}

TEST_CASE("parameters of colours that make no sense are refused by name") {
  const auto refused = [](const ImageStep& step, const char* what) {
    CHECK_THROWS_WITH_AS(validate(step), doctest::Contains(what), std::invalid_argument);
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  refused(ColorJitter{{-0.1F, 1}}, "color_jitter: brightness = [-0.1,1]: must be two factors");
  refused(ColorJitter{{1, 1}, {1, kInfinity}}, "contrast = [1,inf]");
  refused(ColorJitter{{1, 1}, {1, 1}, {2, 1}}, "saturation = [2,1]");
  refused(ColorJitter{{1, 1}, {1, 1}, {1, 1}, {-0.6F, 0}}, "hue = [-0.6,0]");
  refused(ColorJitter{{kNan, 1}}, "brightness");
  refused(Grayscale{1.5F}, "grayscale: probability = 1.5");
  refused(GaussianBlur{{-1, 2}}, "gaussian_blur: sigma = [-1,2]");
  refused(GaussianBlur{{1, 65}}, "sigma = [1,65]");
  refused(GaussianBlur{{1, 2}, 1, 4}, "kernel_size = 4: must be an odd number up to 127");
  refused(GaussianBlur{{1, 2}, 1, -3}, "kernel_size = -3");
  refused(GaussianBlur{{1, 2}, 1, 129}, "kernel_size = 129");
  refused(GaussianBlur{{0, 2}, 1, 5}, "sigma = [0,2]: must be above 0");
  refused(Solarize{kNan}, "solarize: threshold");
  refused(Solarize{128, -1}, "probability = -1");
}

}  // namespace
}  // namespace millrace
