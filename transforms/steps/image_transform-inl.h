#pragma once

#include <memory>
#include <string>

#include "millrace/transforms/steps/image_transform.h"

namespace millrace {

/// image_transform under a description of its own: the presets whose names are older.
std::shared_ptr<const Transform> described_image_transform(const ImageTransformOptions& options,
                                                           std::string description);

}  // namespace millrace
