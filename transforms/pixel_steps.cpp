#include "millrace/transforms/pixel_steps-inl.h"

#include "millrace/transforms/mirror.h"

namespace millrace {

bool happens(const HorizontalFlip& step, RandomNumbers& numbers) {
  return numbers.uniform() < static_cast<double>(step.probability);
}

void change_pixels(const HorizontalFlip& /*step*/, RandomNumbers& /*numbers*/,
                   MutableImageView image) {
  mirror_rows(image);
}

}  // namespace millrace
