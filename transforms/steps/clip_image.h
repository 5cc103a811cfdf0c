#pragma once

#include <memory>

#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// open_clip's eval preprocessing of an encoded image: decode as Pillow's convert("RGB"), resize
/// the shorter side to `size` (bicubic, antialiased, 8 bit), centre crop, x/255, minus CLIP's mean,
/// over CLIP's standard deviation. Output: float32 [3, size, size], bit-exact with open_clip. What
/// image_transform makes of open_clip_steps(square(size)), under a name of its own.
/// Throws std::invalid_argument unless 1 <= size <= kLargestImageSide.
std::shared_ptr<const Transform> clip_transform(int size, const DecodeOptions& decode = {});

/// The same pixels before normalisation: uint8 [size, size, 3].
std::shared_ptr<const Transform> clip_pixels(int size, const DecodeOptions& decode = {});

}  // namespace millrace
