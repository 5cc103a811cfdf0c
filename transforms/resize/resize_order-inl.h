#pragma once

#include <algorithm>
#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace {

/// Pillow 13 begins with the pass along y where that spares many rows: measured with Pillow, over
/// random sizes, boxes and filters; before, it always began along x. Both passes round, so the
/// order shows. `full` is the size of the result before it is cropped.
inline bool is_vertical_first(ImageSize input, ImageSize full) {
  const std::int64_t fewer_columns =
      std::max<std::int64_t>(0, std::int64_t{input.width} - full.width);
  return std::int64_t{input.height} - full.height > 2 * fewer_columns;
}

}  // namespace millrace
