#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/resize/resize_axes.h"
#include "millrace/transforms/resize/resize_weights.h"

namespace millrace {

/// Pillow's resize of 16-bit gray (I;16): sums of doubles, rounded to 16 bits after each pass. A
/// pixel is three bytes: high, low, and one that is not looked at. Keeps scratch: one a thread.
class Gray16Resizer {
 public:
  /// `axes` are those of the images, all of the result is wanted, and the filter is not nearest:
  /// that Resizer has, whatever the bytes are.
  void resize(ImageView input, const ResizeAxes& axes, MutableImageView output);

 private:
  ExactWeights columns_;
  ExactWeights rows_;
  std::vector<std::uint16_t> input_;
  std::vector<std::uint16_t> middle_;
  std::vector<std::uint16_t> output_;
};

}  // namespace millrace
