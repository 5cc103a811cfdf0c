#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/result/result.h"
#include "millrace/transforms/native_image.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/random_numbers-inl.h"
#include "millrace/transforms/resize/native_resize.h"
#include "millrace/transforms/steps/image_steps.h"
#include "millrace/transforms/steps/pixel_steps-inl.h"

namespace millrace {

/// The steps that move pixels and do not change their colours, of an image in its native mode, as
/// Pillow's functions do them: for the few images that have another one than RGB and gray. Keeps
/// scratch: one a thread.
class NativeGeometry {
 public:
  /// A step on the way may make so many pixels.
  explicit NativeGeometry(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}

  static bool has(const ImageStep& step);

  /// Begins with an image, whose mode is not rgb and which has pixels.
  void begin(const NativeImage& image);
  /// One step of those it has. Errors: as ImageProcessor::apply.
  Result<void> take(const ImageStep& step, RandomNumbers& numbers);
  /// What has become of the image, in RGB; valid until begin().
  MutableImageView to_rgb();

 private:
  Result<void> resize(ImageSize to, Filter filter);
  void crop(const CenterCrop& crop);
  void flip(const HorizontalFlip& step, RandomNumbers& numbers);

  ImageSize size() const { return {image_.color.width, image_.color.height}; }
  bool has_fourth() const { return image_.fourth.data != nullptr; }
  /// Memory for planes of this size that the present ones do not lie in.
  NativePlanes fresh_planes(ImageSize size);
  void move_to(const NativePlanes& planes);

  std::uint64_t max_pixels_;
  NativeImage image_;

  std::array<NativeBuffers, 2> buffers_;
  std::size_t next_ = 0;
  PixelBuffer rgb_;
  NativeResizer resizer_;
  PixelScratch scratch_;
};

}  // namespace millrace
