#include "millrace/transforms/steps/pixel_steps-inl.h"

#include "millrace/transforms/steps/mirror.h"

namespace millrace {

bool happens(const HorizontalFlip& step, RandomNumbers& numbers) {
  return numbers.uniform() < static_cast<double>(step.probability);
}

void change_pixels(const HorizontalFlip& /*step*/, RandomNumbers& /*numbers*/,
                   MutableImageView image) {
  mirror_rows(image);
}

}  // namespace millrace
