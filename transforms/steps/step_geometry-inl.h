#pragma once

#include <array>
#include <cstdint>

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

  /// Whether what is made, of `size`, is more than what is kept.
  bool is_padded(ImageSize size) const {
    return kept.width != size.width || kept.height != size.height;
  }
};
CropPlacement place_center_crop(const CenterCrop& crop, ImageSize size);

/// Copies what is kept of `from` to its place in `to`, and paints what lies around it.
void place_pixels(ImageView from, const CropPlacement& placed,
                  const std::array<std::uint8_t, 3>& fill, MutableImageView to);
/// The second half of that.
void fill_around(MutableImageView image, const CropPlacement& placed,
                 const std::array<std::uint8_t, 3>& fill);

/// Error (image_too_large): a step on the way would make more pixels than so many.
Result<void> check_step_pixels(ImageSize size, std::uint64_t most);

/// The part of an image of `size` that is resized: torchvision's RandomResizedCrop.get_params.
ImageWindow draw_crop(const RandomResizedCrop& crop, ImageSize size, RandomNumbers& numbers);

}  // namespace millrace
