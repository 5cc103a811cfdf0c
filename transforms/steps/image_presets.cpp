#include "millrace/transforms/steps/image_presets.h"

#include "millrace/transforms/steps/image_transform.h"

namespace millrace {

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

std::vector<ImageStep> open_clip_train_steps(ImageSize size, const std::array<float, 2>& scale) {
  RandomResizedCrop crop;
  crop.size = size;
  crop.scale = scale;
  return {crop};
}

std::vector<ImageStep> hugging_face_clip_steps(int size, Filter filter) {
  return {Resize{ResizeTo::shortest, square(size), filter},
          CenterCrop{square(size), CropRounding::floor, {}}};
}

std::shared_ptr<const Transform> clip_train_transform(int size, const DecodeOptions& decode) {
  return image_transform({decode, open_clip_train_steps(square(size))});
}

std::shared_ptr<const Transform> siglip_transform(int size, const DecodeOptions& decode) {
  return image_transform({decode,
                          open_clip_steps(square(size), OpenClipResize::squash),
                          {Dtype::float32, PixelLayout::chw, kInceptionNormalization}});
}

}  // namespace millrace
