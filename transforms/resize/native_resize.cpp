#include "millrace/transforms/resize/native_resize.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/resize/resize_axes.h"

namespace millrace {
namespace {

/// `change(color, alpha)` for all bytes of the colours; the result goes to `to`.
template <typename Change>
void with_alpha(ImageView color, ImageView alpha, MutableImageView to, Change change) {
  for (int y = 0; y < to.height; ++y) {
    const std::uint8_t* colors = color.row(y);
    const std::uint8_t* alphas = alpha.row(y);
    std::uint8_t* out = to.row(y);
    for (std::size_t i = 0; i < static_cast<std::size_t>(to.width) * 3; ++i) {
      out[i] = static_cast<std::uint8_t>(change(colors[i], alphas[i]));
    }
  }
}

/// Pillow's conversions between RGBA and RGBa, LA and La.
int multiplied(int color, int alpha) { return multiply_bytes(color, alpha); }
int divided(int color, int alpha) {
  return alpha == 0 || alpha == 255 ? color : std::min(255 * color / alpha, 255);
}

}  // namespace

Result<void> NativeResizer::resize(const NativeImage& image,
                                   const std::optional<std::array<double, 4>>& box, Filter filter,
                                   const NativePlanes& output) {
  if (image.mode == NativeMode::palette) filter = Filter::nearest;
  const ImageSize size{image.color.width, image.color.height};
  const Resizer::Geometry geometry{output.color.width, output.color.height, 0, 0, box};
  const Result<ResizeAxes> axes =
      resize_axes(size, geometry, filter, {output.color.width, output.color.height});
  if (!axes) return tl::unexpected(axes.error());
  const bool blends = filter != Filter::nearest && !axes->are_identity();
  if (image.mode == NativeMode::gray16 && blends) {
    gray16_.resize(image.color, *axes, output.color);
    return {};
  }
  ImageView color = image.color;
  const bool multiplies = image.mode == NativeMode::alpha && blends;
  if (multiplies) {
    const MutableImageView product = rgb_image_in(multiplied_, size);
    with_alpha(image.color, image.fourth, product, multiplied);
    color = product;
  }
  if (auto done = resizer_.resize(color, geometry, filter, output.color); !done) return done;
  if (image.fourth.data != nullptr) {
    if (auto done = resizer_.resize(image.fourth, geometry, filter, output.fourth); !done) {
      return done;
    }
  }
  if (multiplies) with_alpha(output.color, output.fourth, output.color, divided);
  return {};
}

}  // namespace millrace
