#include "millrace/transforms/photometric/enhance.h"

#include <cstdint>

#include "millrace/transforms/photometric/byte_table.h"
#include "millrace/transforms/photometric/hue.h"
#include "millrace/transforms/photometric/luma.h"

namespace millrace {

void change_brightness(float factor, MutableImageView image) {
  apply_table(blend_table(0, factor), image);
}

void change_contrast(float factor, MutableImageView image) {
  apply_table(blend_table(mean_luma(image), factor), image);
}

void change_saturation(float factor, MutableImageView image) { blend_with_luma(factor, image); }

void change_hue(float share, MutableImageView image) {
  const int steps = static_cast<int>(static_cast<double>(share) * 255.0);
  shift_hue(static_cast<std::uint8_t>(steps), image);
}

}  // namespace millrace
