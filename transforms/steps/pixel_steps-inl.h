#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/photometric/gaussian_convolution.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/random_numbers-inl.h"
#include "millrace/transforms/steps/image_steps.h"

namespace millrace {

// The steps that change pixels and keep the size: of each kind, whether it happens to an image at
// all, and what it does to the pixels, in place. A kind that is in ImageStep and has these two is
// one that every image transform knows.

/// Memory that a step works in, kept from image to image.
struct PixelScratch {
  PixelBuffer pixels;
  ConvolutionScratch convolution;
};

bool happens(const HorizontalFlip& step, RandomNumbers& numbers);
bool happens(const ColorJitter& step, RandomNumbers& numbers);
bool happens(const Grayscale& step, RandomNumbers& numbers);
bool happens(const GaussianBlur& step, RandomNumbers& numbers);
bool happens(const Solarize& step, RandomNumbers& numbers);
bool happens(const RandAugment& step, RandomNumbers& numbers);

void change_pixels(const HorizontalFlip& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);
void change_pixels(const ColorJitter& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);
void change_pixels(const Grayscale& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);
void change_pixels(const GaussianBlur& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);
void change_pixels(const Solarize& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);
void change_pixels(const RandAugment& step, RandomNumbers& numbers, PixelScratch& scratch,
                   MutableImageView image);

}  // namespace millrace
