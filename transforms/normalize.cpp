#include "millrace/transforms/normalize.h"

#include <cstddef>

namespace millrace {

Normalizer::Normalizer(const std::array<float, 3>& mean, const std::array<float, 3>& std) {
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t value = 0; value < 256; ++value) {
      const float unit = static_cast<float>(value) / 255.0F;
      table_[c][value] = (unit - mean[c]) / std[c];
    }
  }
}

void Normalizer::normalize(ImageView image, float* output) const {
  const std::size_t plane =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    for (int x = 0; x < image.width; ++x, row += 3, ++output) {
      for (std::size_t c = 0; c < 3; ++c) output[c * plane] = table_[c][row[c]];
    }
  }
}

}  // namespace millrace
