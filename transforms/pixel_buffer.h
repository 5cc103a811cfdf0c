#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "millrace/transforms/image.h"

namespace millrace {

/// What kernels that read or store whole vectors may touch behind the last byte, at most.
/// (HWY_MAX_BYTES is another number for each set of instructions.)
inline constexpr std::size_t kVectorSlackBytes = 256;

/// Bytes on a 64-byte boundary that grow and are kept from image to image. One very large image
/// does not stay: above kKeepBytes the memory shrinks again once far less is asked for.
class PixelBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kKeepBytes = std::size_t{64} << 20;

  /// At least `bytes` bytes; their content is unspecified. Throws std::bad_alloc.
  std::uint8_t* reserve(std::size_t bytes) {
    if (bytes > capacity_ || (capacity_ > kKeepBytes && bytes < capacity_ / 4)) {
      data_.reset();
      capacity_ = 0;
      const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
      auto* fresh = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, rounded));
      if (fresh == nullptr) throw std::bad_alloc();
      data_.reset(fresh);
      capacity_ = rounded;
    }
    return data_.get();
  }

  std::uint8_t* data() const { return data_.get(); }
  std::size_t capacity_bytes() const { return capacity_; }

  /// Bytes from one row of `width` RGB pixels to the next, so that every row is aligned.
  static std::size_t rgb_stride_bytes(int width) {
    return (static_cast<std::size_t>(width) * 3 + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  struct Free {
    void operator()(std::uint8_t* data) const { std::free(data); }  // NOLINT: from aligned_alloc
  };
  std::unique_ptr<std::uint8_t, Free> data_;
  std::size_t capacity_ = 0;
};

/// An image of this size that lies in `memory`, its rows aligned. Throws std::bad_alloc.
inline MutableImageView rgb_image_in(PixelBuffer& memory, ImageSize size) {
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(size.width);
  return {memory.reserve(stride_bytes * static_cast<std::size_t>(size.height)), size.width,
          size.height, stride_bytes};
}

}  // namespace millrace
