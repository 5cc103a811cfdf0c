#pragma once

#include <array>
#include <optional>

#include "millrace/result/result.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/native_image.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/resize/resize.h"
#include "millrace/transforms/resize/resize_gray16.h"

namespace millrace {

/// Pillow's Image.resize of an image in its native mode, byte for byte: palettes always by nearest,
/// colours multiplied by their opacity, CMYK in four channels, 16-bit gray in 16 bits. Keeps
/// scratch: one a thread.
class NativeResizer {
 public:
  /// To the size of `output`, whose planes are those that the image has, and lie elsewhere. Errors
  /// and box: as Resizer::resize.
  Result<void> resize(const NativeImage& image, const std::optional<std::array<double, 4>>& box,
                      Filter filter, const NativePlanes& output);

 private:
  Resizer resizer_;
  Gray16Resizer gray16_;
  PixelBuffer multiplied_;
};

}  // namespace millrace
