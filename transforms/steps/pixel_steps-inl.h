#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/random_numbers-inl.h"
#include "millrace/transforms/steps/image_steps.h"

namespace millrace {

// The steps that change pixels and keep the size: of each kind, whether it happens to an image at
// all, and what it does to the pixels, in place. A kind that is in ImageStep and has these two is
// one that every image transform knows.

bool happens(const HorizontalFlip& step, RandomNumbers& numbers);
void change_pixels(const HorizontalFlip& step, RandomNumbers& numbers, MutableImageView image);

}  // namespace millrace
