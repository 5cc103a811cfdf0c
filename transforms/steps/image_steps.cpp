#include "millrace/transforms/steps/image_steps.h"

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "millrace/transforms/json_numbers-inl.h"
#include "millrace/transforms/photometric/gaussian_blur.h"
#include "millrace/transforms/photometric/gaussian_convolution.h"
#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

template <typename Step>
constexpr std::string_view name_of() {
  if constexpr (std::is_same_v<Step, Resize>) return "resize";
  if constexpr (std::is_same_v<Step, CenterCrop>) return "center_crop";
  if constexpr (std::is_same_v<Step, RandomResizedCrop>) return "random_resized_crop";
  if constexpr (std::is_same_v<Step, HorizontalFlip>) return "horizontal_flip";
  if constexpr (std::is_same_v<Step, ColorJitter>) return "color_jitter";
  if constexpr (std::is_same_v<Step, Grayscale>) return "grayscale";
  if constexpr (std::is_same_v<Step, GaussianBlur>) return "gaussian_blur";
  if constexpr (std::is_same_v<Step, Solarize>) return "solarize";
  if constexpr (std::is_same_v<Step, RandAugment>) return "rand_augment";
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

std::string text_of(ImageSize size) {
  if (size.width == size.height) return std::to_string(size.width);
  return "[" + std::to_string(size.height) + "," + std::to_string(size.width) + "]";
}

void check_size(ImageSize size) {
  for (const int side : {size.height, size.width}) {
    if (side < 1 || side > kLargestImageSide) {
      refuse("size = " + text_of(size) + ": each side must be 1 to " +
             std::to_string(kLargestImageSide));
    }
  }
}

void check(const Resize& step) {
  check_size(step.size);
  if (step.to == ResizeTo::shortest && step.size.width != step.size.height) {
    refuse("size = " + text_of(step.size) +
           ": the shorter side becomes one number; \"cover\" takes a height and a width");
  }
}

void check(const CenterCrop& step) { check_size(step.size); }

void check(const RandomResizedCrop& step) {
  check_size(step.size);
  const auto [least, most] = step.scale;
  if (!(least > 0 && least <= most && most <= 1)) {  // NOLINT(readability-simplify-boolean-expr)
    refuse("scale = " + json_numbers(step.scale) +
           ": must be two shares of the area above 0 and up to 1, the smaller one first");
  }
  const auto [narrow, wide] = step.ratio;
  // NOLINTNEXTLINE(readability-simplify-boolean-expr): written so that a NaN fails
  if (!(narrow > 0 && narrow <= wide && std::isfinite(wide))) {
    refuse("ratio = " + json_numbers(step.ratio) +
           ": must be two aspect ratios above 0, the smaller one first");
  }
}

void check_probability(float probability) {
  // NOLINTNEXTLINE(readability-simplify-boolean-expr): written so that a NaN fails
  if (!(probability >= 0 && probability <= 1)) {
    refuse("probability = " + json_number(probability) + ": must lie in 0..1");
  }
}

void check_range(std::string_view name, const std::array<float, 2>& range, float least, float most,
                 const char* wanted) {
  const auto [low, high] = range;
  // NOLINTNEXTLINE(readability-simplify-boolean-expr): written so that a NaN fails
  if (!(low >= least && low <= high && high <= most)) {
    refuse(std::string(name) + " = " + json_numbers(range) + ": must be two " + wanted +
           ", the smaller one first");
  }
}

void check(const HorizontalFlip& step) { check_probability(step.probability); }

void check(const ColorJitter& step) {
  constexpr float kMost = std::numeric_limits<float>::max();
  check_range("brightness", step.brightness, 0, kMost, "factors of at least 0");
  check_range("contrast", step.contrast, 0, kMost, "factors of at least 0");
  check_range("saturation", step.saturation, 0, kMost, "factors of at least 0");
  check_range("hue", step.hue, -0.5F, 0.5F, "shares of the circle in -0.5..0.5");
  check_probability(step.probability);
}

void check(const Grayscale& step) { check_probability(step.probability); }

void check(const GaussianBlur& step) {
  check_range("sigma", step.sigma, 0, kLargestBlurSigma, "standard deviations in 0..64");
  if (step.kernel_size) {
    const int size = *step.kernel_size;
    if (size < 0 || size % 2 == 0 || size > kLargestGaussianKernel) {
      refuse("kernel_size = " + std::to_string(size) + ": must be an odd number up to " +
             std::to_string(kLargestGaussianKernel));
    }
    if (step.sigma[0] == 0) {
      refuse("sigma = " + json_numbers(step.sigma) + ": must be above 0 with a kernel_size");
    }
  }
  check_probability(step.probability);
}

void check(const Solarize& step) {
  if (!std::isfinite(step.threshold)) {
    refuse("threshold = " + json_number(step.threshold) + ": must be a number");
  }
  check_probability(step.probability);
}

void check(const RandAugment& step) {
  constexpr int kMostOps = 100;
  constexpr int kMostBins = 1 << 16;
  if (step.num_ops < 0 || step.num_ops > kMostOps) {
    refuse("num_ops = " + std::to_string(step.num_ops) + ": must be 0 to " +
           std::to_string(kMostOps));
  }
  if (step.num_magnitude_bins < 2 || step.num_magnitude_bins > kMostBins) {
    refuse("num_magnitude_bins = " + std::to_string(step.num_magnitude_bins) + ": must be 2 to " +
           std::to_string(kMostBins));
  }
  if (step.magnitude < 0 || step.magnitude >= step.num_magnitude_bins) {
    refuse("magnitude = " + std::to_string(step.magnitude) +
           ": must be 0 to num_magnitude_bins - 1, " + std::to_string(step.num_magnitude_bins - 1));
  }
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string members(const Resize& step) {
  return R"("to":)" + quoted(resize_to_name(step.to)) + R"(,"size":)" + text_of(step.size) +
         R"(,"filter":)" + quoted(filter_name(step.filter));
}

std::string text_of(const std::array<std::uint8_t, 3>& fill) {
  std::string text = "[";
  for (std::size_t c = 0; c < 3; ++c) text += (c > 0 ? "," : "") + std::to_string(fill[c]);
  return text + "]";
}

std::string members(const CenterCrop& step) {
  return R"("size":)" + text_of(step.size) + R"(,"rounding":)" +
         quoted(crop_rounding_name(step.rounding)) + R"(,"fill":)" + text_of(step.fill);
}

std::string members(const RandomResizedCrop& step) {
  return R"("size":)" + text_of(step.size) + R"(,"scale":)" + json_numbers(step.scale) +
         R"(,"ratio":)" + json_numbers(step.ratio) + R"(,"filter":)" +
         quoted(filter_name(step.filter));
}

std::string members(const HorizontalFlip& step) {
  return R"("probability":)" + json_number(step.probability);
}

std::string members(const ColorJitter& step) {
  return R"("brightness":)" + json_numbers(step.brightness) + R"(,"contrast":)" +
         json_numbers(step.contrast) + R"(,"saturation":)" + json_numbers(step.saturation) +
         R"(,"hue":)" + json_numbers(step.hue) + R"(,"probability":)" +
         json_number(step.probability);
}

std::string members(const Grayscale& step) {
  return R"("probability":)" + json_number(step.probability);
}

std::string members(const GaussianBlur& step) {
  std::string text = R"("sigma":)" + json_numbers(step.sigma) + R"(,"probability":)" +
                     json_number(step.probability);
  if (step.kernel_size) text += R"(,"kernel_size":)" + std::to_string(*step.kernel_size);
  return text;
}

std::string members(const Solarize& step) {
  return R"("threshold":)" + json_number(step.threshold) + R"(,"probability":)" +
         json_number(step.probability);
}

std::string members(const RandAugment& step) {
  return R"("num_ops":)" + std::to_string(step.num_ops) + R"(,"magnitude":)" +
         std::to_string(step.magnitude) + R"(,"num_magnitude_bins":)" +
         std::to_string(step.num_magnitude_bins) + R"(,"fill":)" + text_of(step.fill);
}

/// The size after a step, where it is the same for every image. Without a size before: it may be
/// any.
std::optional<ImageSize> size_after_step(const ImageStep& step, std::optional<ImageSize> before) {
  if (const auto* resize = std::get_if<Resize>(&step)) {
    if (resize->to == ResizeTo::exact) return resize->size;
    if (!before) return std::nullopt;
    const Result<ImageSize> size = resized_size(*resize, *before);
    return size ? std::optional(*size) : std::nullopt;
  }
  if (const auto* crop = std::get_if<CenterCrop>(&step)) return crop->size;
  if (const auto* crop = std::get_if<RandomResizedCrop>(&step)) return crop->size;
  return before;
}

}  // namespace

std::string_view step_name(const ImageStep& step) {
  return std::visit([](const auto& known) { return name_of<std::decay_t<decltype(known)>>(); },
                    step);
}

std::string_view resize_to_name(ResizeTo to) {
  switch (to) {
    case ResizeTo::shortest:
      return "shortest";
    case ResizeTo::longest:
      return "longest";
    case ResizeTo::cover:
      return "cover";
    case ResizeTo::exact:
      return "exact";
  }
  return "unknown";
}

std::string_view crop_rounding_name(CropRounding rounding) {
  return rounding == CropRounding::half_even ? "half_even" : "floor";
}

void validate(const ImageStep& step) {
  try {
    std::visit([](const auto& known) { check(known); }, step);
  } catch (const std::invalid_argument& error) {
    refuse(std::string(step_name(step)) + ": " + error.what());
  }
}

ImageSize size_after(const std::vector<ImageStep>& steps) {
  std::optional<ImageSize> size;
  std::string where = "no step";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::optional<ImageSize> after = size_after_step(steps[i], size);
    if (!after && (size || i == 0 || std::holds_alternative<Resize>(steps[i]))) {
      where = "steps[" + std::to_string(i) + "] (" + std::string(step_name(steps[i])) + ")";
    }
    size = after;
  }
  if (size) return *size;
  refuse("steps: the size after " + where +
         " depends on the image; end with a center_crop, a random_resized_crop or a resize to an "
         "exact size");
}

std::string describe(const ImageStep& step) {
  return R"({"step":)" + quoted(step_name(step)) + "," +
         std::visit([](const auto& known) { return members(known); }, step) + "}";
}

}  // namespace millrace
