#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/random_numbers-inl.h"
#include "millrace/transforms/steps/image_steps.h"

namespace millrace {

/// Draws and carries out the operations of a RandAugment, in place.
void rand_augment(const RandAugment& step, RandomNumbers& numbers, PixelBuffer& scratch,
                  MutableImageView image);

}  // namespace millrace
