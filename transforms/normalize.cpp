#include "millrace/transforms/normalize.h"

#include <cstddef>

namespace millrace {

Normalizer::Normalizer(const std::array<float, 3>& mean, const std::array<float, 3>& std) {
  constants_.unit = Reciprocal::of(255.0F);
  constants_.mean = mean;
  for (std::size_t c = 0; c < 3; ++c) {
    constants_.std[c] = Reciprocal::of(std[c]);
    for (std::size_t value = 0; value < 256; ++value) {
      const auto byte = static_cast<float>(value);
      const float centered = byte / 255.0F - mean[c];
      table_[c][value] = centered / std[c];
      const float by_reciprocals = constants_.std[c].divide(constants_.unit.divide(byte) - mean[c]);
      reciprocals_are_exact_ = reciprocals_are_exact_ && by_reciprocals == table_[c][value];
    }
  }
}

void Normalizer::normalize(ImageView image, float* output) const {
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  const std::size_t plane = width * height;
  if (image.stride_bytes == width * 3) {
    normalize_pixels(image.data, plane, output, plane);
    return;
  }
  for (int y = 0; y < image.height; ++y, output += width) {
    normalize_pixels(image.row(y), width, output, plane);
  }
}

void Normalizer::normalize_pixels(const std::uint8_t* rgb, std::size_t count, float* output,
                                  std::size_t plane) const {
  const std::size_t done =
      reciprocals_are_exact_ ? normalize_with_vectors(rgb, count, output, plane, constants_) : 0;
  rgb += done * 3;
  for (std::size_t i = done; i < count; ++i, rgb += 3) {
    for (std::size_t c = 0; c < 3; ++c) output[c * plane + i] = table_[c][rgb[c]];
  }
}

}  // namespace millrace
