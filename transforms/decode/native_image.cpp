#include "millrace/transforms/decode/native_image.h"

#include <algorithm>

namespace millrace {

void cmyk_to_rgb(const std::uint8_t* cmy, const std::uint8_t* black, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmy += 3, black += 3, rgb += 3) {
    const int light = 255 - black[0];
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(std::clamp(light - multiply_bytes(cmy[c], light), 0, 255));
    }
  }
}

}  // namespace millrace
