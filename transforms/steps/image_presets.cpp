#include "millrace/transforms/steps/image_presets.h"

#include <algorithm>

#include "millrace/transforms/steps/image_transform.h"

namespace millrace {
namespace {

/// torchvision's ColorJitter of (brightness, contrast, saturation, hue).
ColorJitter jitter_of(const std::array<float, 4>& reach, float probability) {
  const auto around_one = [](float far) {
    return std::array<float, 2>{std::max(0.0F, 1 - far), 1 + far};
  };
  return {around_one(reach[0]),
          around_one(reach[1]),
          around_one(reach[2]),
          {-reach[3], reach[3]},
          probability};
}

}  // namespace

std::vector<ImageStep> open_clip_steps(ImageSize size, OpenClipResize mode, Filter filter,
                                       const std::array<std::uint8_t, 3>& fill) {
  switch (mode) {
    case OpenClipResize::squash:
      return {Resize{ResizeTo::exact, size, filter}};
    case OpenClipResize::longest:
      return {Resize{ResizeTo::longest, size, filter},
              CenterCrop{size, CropRounding::half_even, fill}};
    case OpenClipResize::shortest:
      break;
  }
  const bool is_square = size.width == size.height;
  return {Resize{is_square ? ResizeTo::shortest : ResizeTo::cover, size,
                 is_square ? filter : Filter::bicubic},
          CenterCrop{size, CropRounding::half_even, {}}};
}

std::vector<ImageStep> open_clip_train_steps(ImageSize size,
                                             const OpenClipAugmentation& augmentation) {
  RandomResizedCrop crop;
  crop.size = size;
  crop.scale = augmentation.scale;
  std::vector<ImageStep> steps = {crop};
  if (augmentation.color_jitter_prob != 0) {
    steps.emplace_back(jitter_of(augmentation.color_jitter, augmentation.color_jitter_prob));
  }
  if (augmentation.gray_scale_prob != 0) {
    steps.emplace_back(Grayscale{augmentation.gray_scale_prob});
  }
  return steps;
}

std::vector<ImageStep> simclr_steps(ImageSize size, float strength) {
  RandomResizedCrop crop;
  crop.size = size;
  const float reach = 0.8F * strength;
  return {crop, HorizontalFlip{}, jitter_of({reach, reach, reach, 0.2F * strength}, 0.8F),
          Grayscale{0.2F}, GaussianBlur{}};
}

std::vector<ImageStep> hugging_face_clip_steps(int size, Filter filter) {
  return {Resize{ResizeTo::shortest, square(size), filter},
          CenterCrop{square(size), CropRounding::floor, {}}};
}

std::shared_ptr<const Transform> clip_train_transform(int size, const DecodeOptions& decode,
                                                      const OpenClipAugmentation& augmentation) {
  return image_transform({decode, open_clip_train_steps(square(size), augmentation)});
}

std::shared_ptr<const Transform> siglip_transform(int size, const DecodeOptions& decode) {
  return image_transform({decode,
                          open_clip_steps(square(size), OpenClipResize::squash),
                          {Dtype::float32, PixelLayout::chw, kInceptionNormalization}});
}

}  // namespace millrace
