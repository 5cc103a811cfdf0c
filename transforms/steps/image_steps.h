#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/resize/resize.h"

namespace millrace {

/// The longest side that a step may be asked for.
inline constexpr int kLargestImageSide = 8192;

constexpr ImageSize square(int side) { return {side, side}; }

/// The size that a resize gives an image of height h and width w.
enum class ResizeTo : std::uint8_t {
  /// The shorter side becomes size's (a square), the longer one int(size * longer / shorter):
  /// torchvision's Resize(size), Hugging Face's shortest_edge.
  shortest,
  /// As large as fits into size: round(side / max(h / height, w / width)); open_clip's "longest".
  longest,
  /// As small as covers size: round(side / min(h / height, w / width)); open_clip's "shortest" for
  /// a size that is no square.
  cover,
  /// size, whatever the aspect ratio was; open_clip's "squash".
  exact,
};

/// Pillow's resize, bit for bit.
struct Resize {
  ResizeTo to = ResizeTo::shortest;
  ImageSize size = {};
  Filter filter = Filter::bicubic;
};

/// Where a centre crop begins when the difference is odd.
enum class CropRounding : std::uint8_t {
  /// round(difference / 2), half to even: torchvision, open_clip, timm.
  half_even,
  /// difference / 2, down: Hugging Face's image processors, which also put the odd row of padding
  /// in front.
  floor,
};

/// The middle of the image; where the image is smaller, it in the middle of `fill`. After a Resize
/// only what is kept is computed.
struct CenterCrop {
  ImageSize size = {};
  CropRounding rounding = CropRounding::half_even;
  std::array<std::uint8_t, 3> fill = {0, 0, 0};  ///< red, green, blue
};

/// torchvision's RandomResizedCrop: a part of the image of random area (a share in `scale`) and
/// random aspect ratio (in `ratio`, its logarithm even), resized to `size`; where ten tries do not
/// fit, the largest part in the middle whose ratio is in range.
struct RandomResizedCrop {
  ImageSize size = {};
  std::array<float, 2> scale = {0.08F, 1.0F};
  std::array<float, 2> ratio = {3.0F / 4.0F, 4.0F / 3.0F};
  Filter filter = Filter::bicubic;
};

/// Left becomes right, with this probability.
struct HorizontalFlip {
  float probability = 0.5F;
};

/// torchvision's ColorJitter on Pillow images: brightness, contrast, saturation and hue, in random
/// order, each by a factor drawn evenly from its range (rounded to float32, as torchvision draws).
/// A range of {1, 1}, for hue {0, 0}, leaves that out. All four happen, or none.
struct ColorJitter {
  std::array<float, 2> brightness = {1, 1};
  std::array<float, 2> contrast = {1, 1};
  std::array<float, 2> saturation = {1, 1};
  std::array<float, 2> hue = {0, 0};  ///< within -0.5..0.5 of the circle
  float probability = 1;
};

/// Three channels of Pillow's luma: torchvision's RandomGrayscale.
struct Grayscale {
  float probability = 0.1F;
};

/// A blur of a standard deviation drawn evenly from `sigma`. Without `kernel_size` Pillow's
/// ImageFilter.GaussianBlur, as MoCo v2, SwAV and DINO have it; with one torchvision's
/// GaussianBlur, a convolution with so many rows and columns.
struct GaussianBlur {
  std::array<float, 2> sigma = {0.1F, 2.0F};
  float probability = 0.5F;
  std::optional<int> kernel_size = std::nullopt;  ///< odd
};

/// Values of at least `threshold` are inverted: torchvision's RandomSolarize.
struct Solarize {
  float threshold = 128;
  float probability = 0.5F;
};

/// torchvision's RandAugment on Pillow images: `num_ops` of fourteen operations, each by magnitude
/// `magnitude` of 0 .. num_magnitude_bins - 1, some to either side; nearest neighbours, and `fill`
/// where nothing lies.
struct RandAugment {
  int num_ops = 2;
  int magnitude = 9;
  int num_magnitude_bins = 31;
  std::array<std::uint8_t, 3> fill = {0, 0, 0};  ///< red, green, blue
};

/// One step of what becomes of an image. Steps either make an image of another size (the first
/// three) or change the pixels and keep the size (see pixel_steps-inl.h). New kinds go to the end:
/// the index of a kind enters what it draws.
using ImageStep = std::variant<Resize, CenterCrop, RandomResizedCrop, HorizontalFlip, ColorJitter,
                               Grayscale, GaussianBlur, Solarize, RandAugment>;

/// "resize", "center_crop", "random_resized_crop", "horizontal_flip", "color_jitter", "grayscale",
/// "gaussian_blur", "solarize", "rand_augment".
std::string_view step_name(const ImageStep& step);
/// "shortest", "longest", "cover", "exact"; "half_even", "floor".
std::string_view resize_to_name(ResizeTo to);
std::string_view crop_rounding_name(CropRounding rounding);

/// Throws std::invalid_argument that names the member and its value: sides outside
/// 1..kLargestImageSide, a size to resize the shorter side to that is no square, ranges that are
/// empty or out of range, no probability.
void validate(const ImageStep& step);

/// The size of whatever the steps make, the same for every image. Throws std::invalid_argument
/// that names the step after which it depends on the image.
ImageSize size_after(const std::vector<ImageStep>& steps);

/// A JSON object, e.g. {"step":"resize","to":"shortest","size":224,"filter":"bicubic"}. `size` is
/// one number for a square and [height,width] otherwise.
std::string describe(const ImageStep& step);

}  // namespace millrace
