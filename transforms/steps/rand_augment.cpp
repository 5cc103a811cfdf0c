#include "millrace/transforms/steps/rand_augment.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "millrace/transforms/photometric/byte_table.h"
#include "millrace/transforms/photometric/enhance.h"
#include "millrace/transforms/photometric/histogram_tables.h"
#include "millrace/transforms/photometric/sharpness.h"
#include "millrace/transforms/steps/nearest_affine.h"

namespace millrace {
namespace {

enum class Operation : std::uint8_t {
  identity,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate,
  brightness,
  color,
  contrast,
  sharpness,
  posterize,
  solarize,
  auto_contrast,
  equalize,
};
constexpr int kOperations = 14;

/// torch.linspace(from, to, bins)[at]: float32, from the nearer end, rounded once.
float spaced(double from, double to, const RandAugment& step) {
  const auto first = static_cast<float>(from);
  const auto last = static_cast<float>(to);
  const int bins = step.num_magnitude_bins;
  const float apart = (last - first) / static_cast<float>(bins - 1);
  const int at = step.magnitude;
  if (at < bins / 2) return std::fma(apart, static_cast<float>(at), first);
  return std::fma(-apart, static_cast<float>(bins - 1 - at), last);
}

int posterized_bits(const RandAugment& step) {
  const auto bins_a_bit = static_cast<float>((step.num_magnitude_bins - 1) / 4.0);
  return 8 - static_cast<int>(std::nearbyint(static_cast<float>(step.magnitude) / bins_a_bit));
}

class Augmenter {
 public:
  Augmenter(const RandAugment& step, PixelBuffer& scratch, MutableImageView image)
      : step_(step), scratch_(scratch), image_(image) {}

  void apply(Operation operation, RandomNumbers& numbers) {
    switch (operation) {
      case Operation::identity:
        return;
      case Operation::shear_x:
        return transform(shear_right(signed_magnitude(0.3, numbers)));
      case Operation::shear_y:
        return transform(shear_down(signed_magnitude(0.3, numbers)));
      case Operation::translate_x:
        return move(whole_pixels(image_.width, numbers), 0);
      case Operation::translate_y:
        return move(0, whole_pixels(image_.height, numbers));
      case Operation::rotate:
        return rotate(signed_magnitude(30.0, numbers));
      case Operation::brightness:
        return change_brightness(factor(numbers), image_);
      case Operation::color:
        return change_saturation(factor(numbers), image_);
      case Operation::contrast:
        return change_contrast(factor(numbers), image_);
      case Operation::sharpness:
        return change_sharpness(factor(numbers), image_, scratch_);
      case Operation::posterize:
        return apply_table(posterize_table(posterized_bits(step_)), image_);
      case Operation::solarize:
        return apply_table(solarize_table(spaced(255.0, 0.0, step_)), image_);
      case Operation::auto_contrast:
        return apply_tables(autocontrast_tables(image_), image_);
      case Operation::equalize:
        return apply_tables(equalize_tables(image_), image_);
    }
  }

 private:
  double signed_magnitude(double most, RandomNumbers& numbers) const {
    const auto magnitude = static_cast<double>(spaced(0.0, most, step_));
    return numbers.below(2) == 1 ? -magnitude : magnitude;
  }
  float factor(RandomNumbers& numbers) const {
    return static_cast<float>(1.0 + signed_magnitude(0.9, numbers));
  }
  int whole_pixels(int side, RandomNumbers& numbers) const {
    return static_cast<int>(signed_magnitude(150.0 / 331.0 * side, numbers));
  }

  ImageView copied() {
    const auto row_bytes = static_cast<std::size_t>(image_.width) * 3;
    std::uint8_t* to = scratch_.reserve(row_bytes * static_cast<std::size_t>(image_.height));
    for (int y = 0; y < image_.height; ++y) {
      std::memcpy(to + static_cast<std::size_t>(y) * row_bytes, image_.row(y), row_bytes);
    }
    return {to, image_.width, image_.height, row_bytes};
  }
  void transform(const AffineMatrix& matrix) {
    if (matrix[1] == 0 && matrix[3] == 0) return;
    transform_nearest(matrix, step_.fill, copied(), image_);
  }
  void rotate(double degrees) {
    if (degrees != 0) transform(rotation(degrees, {image_.width, image_.height}));
  }
  void move(int right, int down) {
    if (right != 0 || down != 0) translate(right, down, step_.fill, copied(), image_);
  }

  const RandAugment& step_;
  PixelBuffer& scratch_;
  MutableImageView image_;
};

}  // namespace

void rand_augment(const RandAugment& step, RandomNumbers& numbers, PixelBuffer& scratch,
                  MutableImageView image) {
  Augmenter augmenter(step, scratch, image);
  for (int i = 0; i < step.num_ops; ++i) {
    augmenter.apply(static_cast<Operation>(numbers.below(kOperations)), numbers);
  }
}

}  // namespace millrace
