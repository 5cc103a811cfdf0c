#pragma once

#include "millrace/result/result.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/random_numbers-inl.h"
#include "millrace/transforms/steps/image_steps.h"

namespace millrace {

/// What `resize` makes of an image of `size`, which has pixels. Errors (bad_image): so narrow that
/// a side becomes nothing, as Pillow refuses it, or longer than 2^30 pixels.
Result<ImageSize> resized_size(const Resize& resize, ImageSize size);

/// Where the part of an image that a centre crop keeps comes to lie in what it makes.
struct CropPlacement {
  ImageWindow kept;  ///< of the image
  int left = 0;
  int top = 0;
};
CropPlacement place_center_crop(const CenterCrop& crop, ImageSize size);

/// The part of an image of `size` that is resized: torchvision's RandomResizedCrop.get_params.
ImageWindow draw_crop(const RandomResizedCrop& crop, ImageSize size, RandomNumbers& numbers);

}  // namespace millrace
