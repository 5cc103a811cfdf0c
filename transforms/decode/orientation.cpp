#include "millrace/transforms/decode/orientation.h"

#include <algorithm>
#include <cstddef>

namespace millrace {
namespace {

bool swaps_sides(int orientation) { return orientation >= 5; }
/// Whether the upright image's first column (or row) is the last of what it is taken from.
bool mirrors_x(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
}
bool mirrors_y(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
}

}  // namespace

ImageSize upright_size(ImageSize stored, int orientation) {
  if (swaps_sides(orientation)) return {stored.height, stored.width};
  return stored;
}

ImageWindow stored_window(const ImageWindow& upright, ImageSize stored, int orientation) {
  const ImageSize size = upright_size(stored, orientation);
  ImageWindow window = upright;
  if (mirrors_x(orientation)) window.left = size.width - upright.left - upright.width;
  if (mirrors_y(orientation)) window.top = size.height - upright.top - upright.height;
  if (!swaps_sides(orientation)) return window;
  return {window.top, window.left, window.height, window.width};
}

std::size_t turned_bytes(ImageSize stored, int orientation) {
  if (orientation <= 1) return 0;
  const ImageSize size = upright_size(stored, orientation);
  return PixelBuffer::rgb_stride_bytes(size.width) * static_cast<std::size_t>(size.height);
}

ImageView turn_upright(ImageView stored, int orientation, const std::optional<ImageWindow>& needed,
                       std::uint8_t* memory) {
  if (orientation <= 1) return stored;
  const ImageSize size = upright_size({stored.width, stored.height}, orientation);
  const MutableImageView upright{memory, size.width, size.height,
                                 PixelBuffer::rgb_stride_bytes(size.width)};
  const ImageWindow made = needed.value_or(ImageWindow{0, 0, size.width, size.height});
  const int bottom = made.top + made.height;
  const int end = made.left + made.width;
  // One step to the right, and one down, of the upright image is so many bytes in the stored one.
  const auto row_bytes = static_cast<std::ptrdiff_t>(stored.stride_bytes);
  std::ptrdiff_t right = swaps_sides(orientation) ? row_bytes : 3;
  std::ptrdiff_t down = swaps_sides(orientation) ? 3 : row_bytes;
  const std::uint8_t* corner = stored.data;
  if (mirrors_x(orientation)) {
    corner += right * (size.width - 1);
    right = -right;
  }
  if (mirrors_y(orientation)) {
    corner += down * (size.height - 1);
    down = -down;
  }
  // In tiles, so that the lines of the cache that a column of pixels touches are still there for
  // the next column.
  constexpr int kTile = 32;
  for (int top = made.top; top < bottom; top += kTile) {
    for (int left = made.left; left < end; left += kTile) {
      const int last_row = std::min(top + kTile, bottom);
      const int last_column = std::min(left + kTile, end);
      for (int y = top; y < last_row; ++y) {
        const std::uint8_t* from = corner + y * down + left * right;
        std::uint8_t* to = upright.row(y) + static_cast<std::ptrdiff_t>(left) * 3;
        for (int x = left; x < last_column; ++x, from += right, to += 3) {
          to[0] = from[0];
          to[1] = from[1];
          to[2] = from[2];
        }
      }
    }
  }
  return upright;
}

}  // namespace millrace
