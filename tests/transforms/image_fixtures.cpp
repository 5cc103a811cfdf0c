#include "image_fixtures.h"

#include <cstddef>

namespace millrace::test {

std::vector<std::uint8_t> packed_rgb(ImageView image) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::uint8_t> packed;
  packed.reserve(row_bytes * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    packed.insert(packed.end(), image.row(y), image.row(y) + row_bytes);
  }
  return packed;
}

}  // namespace millrace::test
