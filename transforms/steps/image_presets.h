#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/steps/image_steps.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// open_clip's `resize_mode`.
enum class OpenClipResize : std::uint8_t { shortest, longest, squash };

/// open_clip's image_transform(is_train=False): `shortest` crops the middle, `longest` puts the
/// whole image in the middle of `fill`, `squash` gives up the aspect ratio. As there, a size that
/// is no square goes with `shortest` always by bicubic.
std::vector<ImageStep> open_clip_steps(ImageSize size,
                                       OpenClipResize mode = OpenClipResize::shortest,
                                       Filter filter = Filter::bicubic,
                                       const std::array<std::uint8_t, 3>& fill = {0, 0, 0});

/// What open_clip's AugmentationCfg has besides, off by default.
struct OpenClipAugmentation {
  std::array<float, 2> scale = {0.9F, 1.0F};
  /// How far brightness, contrast and saturation lie from 1 at most, and the hue from 0.
  std::array<float, 4> color_jitter = {0, 0, 0, 0};
  float color_jitter_prob = 0;
  float gray_scale_prob = 0;
};

/// open_clip's image_transform(is_train=True). A probability of 0 leaves its step out.
std::vector<ImageStep> open_clip_train_steps(ImageSize size,
                                             const OpenClipAugmentation& augmentation = {});

/// SimCLR's augmentation of one view (Chen et al., 2020), as it is commonly run on Pillow images:
/// random resized crop, flip, colours of `strength` (0.8, 0.8, 0.8, 0.2; 80 %), gray (20 %), blur
/// (50 %). A strength of more than 2.5 turns the hue too far: its step is refused.
std::vector<ImageStep> simclr_steps(ImageSize size, float strength = 1);

/// transformers' CLIPImageProcessorPil: the shorter side, and the crop rounded down.
std::vector<ImageStep> hugging_face_clip_steps(int size, Filter filter = Filter::bicubic);

// Each: float32 [3, size, size]; throws std::invalid_argument unless 1 <= size <=
// kLargestImageSide.

/// open_clip's training preprocessing: RandomResizedCrop of scale (0.9, 1), bicubic, its colour
/// augmentation where asked for, CLIP's mean and standard deviation. Throws also as validate().
std::shared_ptr<const Transform> clip_train_transform(
    int size, const DecodeOptions& decode = {}, const OpenClipAugmentation& augmentation = {});

/// transformers' SiglipImageProcessorPil, which is open_clip's for SigLIP (squash, bicubic, -1..1).
std::shared_ptr<const Transform> siglip_transform(int size, const DecodeOptions& decode = {});

}  // namespace millrace
