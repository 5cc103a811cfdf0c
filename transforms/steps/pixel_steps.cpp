#include "millrace/transforms/steps/pixel_steps-inl.h"

#include <array>
#include <cstddef>
#include <utility>

#include "millrace/transforms/photometric/byte_table.h"
#include "millrace/transforms/photometric/enhance.h"
#include "millrace/transforms/photometric/gaussian_blur.h"
#include "millrace/transforms/photometric/gaussian_convolution.h"
#include "millrace/transforms/photometric/luma.h"
#include "millrace/transforms/steps/mirror.h"
#include "millrace/transforms/steps/rand_augment.h"

namespace millrace {
namespace {

bool draw_whether(float probability, RandomNumbers& numbers) {
  return numbers.uniform() < static_cast<double>(probability);
}

float draw_factor(const std::array<float, 2>& range, RandomNumbers& numbers) {
  return static_cast<float>(
      numbers.between(static_cast<double>(range[0]), static_cast<double>(range[1])));
}

}  // namespace

bool happens(const HorizontalFlip& step, RandomNumbers& numbers) {
  return draw_whether(step.probability, numbers);
}
bool happens(const ColorJitter& step, RandomNumbers& numbers) {
  return draw_whether(step.probability, numbers);
}
bool happens(const Grayscale& step, RandomNumbers& numbers) {
  return draw_whether(step.probability, numbers);
}
bool happens(const GaussianBlur& step, RandomNumbers& numbers) {
  return draw_whether(step.probability, numbers);
}
bool happens(const Solarize& step, RandomNumbers& numbers) {
  return draw_whether(step.probability, numbers);
}
bool happens(const RandAugment& step, RandomNumbers& /*numbers*/) { return step.num_ops > 0; }

void change_pixels(const HorizontalFlip& /*step*/, RandomNumbers& /*numbers*/,
                   PixelScratch& /*scratch*/, MutableImageView image) {
  mirror_rows(image);
}

void change_pixels(const ColorJitter& step, RandomNumbers& numbers, PixelScratch& /*scratch*/,
                   MutableImageView image) {
  std::array<int, 4> order = {0, 1, 2, 3};
  for (int left = 4; left > 1; --left) {
    std::swap(order[static_cast<std::size_t>(left - 1)],
              order[static_cast<std::size_t>(numbers.below(left))]);
  }
  constexpr std::array<float, 2> kSame = {1, 1};
  const float brightness = draw_factor(step.brightness, numbers);
  const float contrast = draw_factor(step.contrast, numbers);
  const float saturation = draw_factor(step.saturation, numbers);
  const float hue = draw_factor(step.hue, numbers);
  for (const int which : order) {
    if (which == 0 && step.brightness != kSame) {
      change_brightness(brightness, image);
    } else if (which == 1 && step.contrast != kSame) {
      change_contrast(contrast, image);
    } else if (which == 2 && step.saturation != kSame) {
      change_saturation(saturation, image);
    } else if (which == 3 && step.hue != std::array<float, 2>{0, 0}) {
      change_hue(hue, image);
    }
  }
}

void change_pixels(const Grayscale& /*step*/, RandomNumbers& /*numbers*/, PixelScratch& /*scratch*/,
                   MutableImageView image) {
  make_gray(image);
}

void change_pixels(const GaussianBlur& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image) {
  const float sigma = draw_factor(step.sigma, numbers);
  if (!step.kernel_size) return gaussian_blur(sigma, image, scratch.pixels);
  convolve_gaussian(*step.kernel_size, sigma, image, scratch.convolution);
}

void change_pixels(const Solarize& step, RandomNumbers& /*numbers*/, PixelScratch& /*scratch*/,
                   MutableImageView image) {
  apply_table(solarize_table(step.threshold), image);
}

void change_pixels(const RandAugment& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image) {
  rand_augment(step, numbers, scratch.pixels, image);
}

}  // namespace millrace
