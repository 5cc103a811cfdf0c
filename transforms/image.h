#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace {

/// A borrowed 8-bit RGB image: rows of `width` interleaved RGB pixels, `stride_bytes` apart.
struct ImageView {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::size_t stride_bytes = 0;

  const std::uint8_t* row(int y) const { return data + static_cast<std::size_t>(y) * stride_bytes; }
};

/// The same, to be written.
struct MutableImageView {
  std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::size_t stride_bytes = 0;

  std::uint8_t* row(int y) const { return data + static_cast<std::size_t>(y) * stride_bytes; }
  // What may be written may be read. NOLINTNEXTLINE(google-explicit-constructor)
  operator ImageView() const { return {data, width, height, stride_bytes}; }
};

struct ImageSize {
  int width = 0;
  int height = 0;
  bool operator==(const ImageSize&) const = default;
};

/// A part of an image, in its pixels.
struct ImageWindow {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  bool operator==(const ImageWindow&) const = default;
};

/// The smallest window that holds both.
inline ImageWindow hull_of(const ImageWindow& a, const ImageWindow& b) {
  const int left = std::min(a.left, b.left);
  const int top = std::min(a.top, b.top);
  return {left, top, std::max(a.left + a.width, b.left + b.width) - left,
          std::max(a.top + a.height, b.top + b.height) - top};
}

/// A window that lies within the image, where it lies.
template <typename View>
View part_of(View image, const ImageWindow& window) {
  return {image.row(window.top) + std::size_t{3} * static_cast<std::size_t>(window.left),
          window.width, window.height, image.stride_bytes};
}

}  // namespace millrace
