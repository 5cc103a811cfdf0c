#pragma once

#include <memory>

#include "millrace/loader/json_object-inl.h"
#include "millrace/transforms/output/image_patches.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace {

/// {"type": "image", "decode": {...}, "steps": [{"step": "resize", ...}], "output": {...}, "views",
/// "stream"}: what ImageTransformOptions::describe says, where all but the steps, and of a step all
/// but `step` and `size`, may be left out for the defaults. `output` may name its mean and standard
/// deviation as "normalize": "clip", and `fill` may be one number. Throws std::invalid_argument.
ImageTransformOptions read_image_options(const JsonObject& from);

/// {"type": "image_patches", "part": "pixels", "decode", "patch_size", "max_patches", "filter",
/// "output"}, as its describe() has it; all but the type may be left out. Throws the same.
std::shared_ptr<const Transform> read_image_patches(const JsonObject& from);

}  // namespace millrace
