#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/resize/resize_weights.h"

namespace millrace {

/// The two passes in plain integers, as Pillow's Resample.c computes them: what the vector kernels
/// are compared with, and what runs where there are none. `output` is as large as the two windows;
/// `scratch` holds the rows between the passes.
void resize_scalar(ImageView input, const ResizeWeights& horizontal, const ResizeWeights& vertical,
                   MutableImageView output, std::vector<std::uint8_t>& scratch);

}  // namespace millrace
