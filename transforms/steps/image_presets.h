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

/// open_clip's image_transform(is_train=True) with its own augmentations left at their defaults.
std::vector<ImageStep> open_clip_train_steps(ImageSize size,
                                             const std::array<float, 2>& scale = {0.9F, 1.0F});

/// transformers' CLIPImageProcessorPil: the shorter side, and the crop rounded down.
std::vector<ImageStep> hugging_face_clip_steps(int size, Filter filter = Filter::bicubic);

// Each: float32 [3, size, size]; throws std::invalid_argument unless 1 <= size <=
// kLargestImageSide.

/// open_clip's training preprocessing: RandomResizedCrop of scale (0.9, 1), bicubic, CLIP's mean
/// and standard deviation.
std::shared_ptr<const Transform> clip_train_transform(int size, const DecodeOptions& decode = {});

/// transformers' SiglipImageProcessorPil, which is open_clip's for SigLIP (squash, bicubic, -1..1).
std::shared_ptr<const Transform> siglip_transform(int size, const DecodeOptions& decode = {});

}  // namespace millrace
