#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/transforms/image.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// Mean and standard deviation of the red, green and blue of pixels in 0..1.
struct Normalization {
  std::array<float, 3> mean;
  std::array<float, 3> std;
  bool operator==(const Normalization&) const = default;
};

/// OpenAI's CLIP, and open_clip's default.
inline constexpr Normalization kClipNormalization = {{0.48145466F, 0.4578275F, 0.40821073F},
                                                     {0.26862954F, 0.26130258F, 0.27577711F}};
inline constexpr Normalization kImagenetNormalization = {{0.485F, 0.456F, 0.406F},
                                                         {0.229F, 0.224F, 0.225F}};
/// -1..1: Inception's, and that of SigLIP and of most of timm's vision transformers.
inline constexpr Normalization kInceptionNormalization = {{0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}};

/// "clip", "imagenet", "siglip" and "inception" (the same two); throws std::invalid_argument that
/// names them for any other.
Normalization normalization_named(std::string_view name);

enum class PixelLayout : std::uint8_t {
  chw,  ///< [3, height, width]
  hwc,  ///< [height, width, 3]: what torch calls channels-last
};
/// "chw", "hwc".
std::string_view pixel_layout_name(PixelLayout layout);

/// As what an image is handed over.
struct ImageOutput {
  /// float32: x / 255, minus the mean, over the standard deviation, each rounded to float32, as
  /// torchvision's ToTensor and Normalize. float16, bfloat16: that, rounded to nearest, half to
  /// even, as torch's conversions. uint8: the pixels as they are, to be normalised later.
  Dtype dtype = Dtype::float32;
  PixelLayout layout = PixelLayout::chw;
  Normalization normalization = kClipNormalization;  ///< not looked at for uint8

  /// Throws std::invalid_argument: another dtype, a mean or standard deviation that is not finite,
  /// a standard deviation of 0.
  void validate() const;
  OutputSpec spec(ImageSize size) const;
  /// A JSON object, e.g. {"dtype":"float16","layout":"chw","mean":[...],"std":[...]}; of uint8
  /// without the last two.
  std::string describe() const;
};

}  // namespace millrace
