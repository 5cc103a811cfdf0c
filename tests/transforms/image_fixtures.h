#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/image.h"

namespace millrace::test {

/// The rows of `image` without what lies between them.
std::vector<std::uint8_t> packed_rgb(ImageView image);

}  // namespace millrace::test
