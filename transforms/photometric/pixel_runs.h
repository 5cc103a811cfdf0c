#pragma once

#include <cstddef>

#include "millrace/transforms/image.h"

namespace millrace {

/// Calls body(first byte, pixels) for all pixels of an image, in runs as long as they lie without
/// gaps: the whole image at once, or row by row.
template <typename View, typename Body>
void for_each_run(View image, Body body) {
  const auto width = static_cast<std::size_t>(image.width);
  if (image.stride_bytes == 3 * width) {
    body(image.data, width * static_cast<std::size_t>(image.height));
    return;
  }
  for (int y = 0; y < image.height; ++y) body(image.row(y), width);
}

}  // namespace millrace
