#include "millrace/transforms/steps/native_geometry-inl.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

MutableImageView image_in(PixelBuffer& memory, ImageSize size) {
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(size.width);
  return {memory.reserve(stride_bytes * static_cast<std::size_t>(size.height)), size.width,
          size.height, stride_bytes};
}

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

bool NativeGeometry::has(const ImageStep& step) {
  return std::holds_alternative<Resize>(step) || std::holds_alternative<CenterCrop>(step) ||
         std::holds_alternative<RandomResizedCrop>(step) ||
         std::holds_alternative<HorizontalFlip>(step);
}

void NativeGeometry::begin(const NativeImage& image) {
  mode_ = image.mode;
  color_ = image.color;
  fourth_ = image.fourth;
  palette_ = image.palette;
}

NativeGeometry::Planes NativeGeometry::fresh_planes(ImageSize size) {
  next_ = 1 - next_;
  NativeBuffers& memory = buffers_[next_];
  return {image_in(memory.color, size),
          has_fourth() ? image_in(memory.fourth, size) : MutableImageView{}};
}

void NativeGeometry::move_to(const Planes& planes) {
  color_ = planes.color;
  fourth_ = planes.fourth;
}

Result<void> NativeGeometry::take(const ImageStep& step, RandomNumbers& numbers) {
  if (const auto* resizing = std::get_if<Resize>(&step)) {
    const Result<ImageSize> to = resized_size(*resizing, size());
    if (!to) return tl::unexpected(to.error());
    return resize(*to, resizing->filter);
  }
  if (const auto* random = std::get_if<RandomResizedCrop>(&step)) {
    const ImageWindow drawn = draw_crop(*random, size(), numbers);
    color_ = part_of(color_, drawn);
    if (has_fourth()) fourth_ = part_of(fourth_, drawn);
    return resize(random->size, random->filter);
  }
  if (const auto* center = std::get_if<CenterCrop>(&step)) crop(*center);
  if (const auto* flipped = std::get_if<HorizontalFlip>(&step)) flip(*flipped, numbers);
  return {};
}

Result<void> NativeGeometry::resize(ImageSize to, Filter filter) {
  if (to == size()) return {};
  if (auto fits = check_step_pixels(to, max_pixels_); !fits) return fits;
  if (mode_ == NativeMode::palette) filter = Filter::nearest;
  const bool blends = filter != Filter::nearest;
  const Planes planes = fresh_planes(to);
  if (mode_ == NativeMode::gray16 && blends) {
    gray16_resizer_.resize(color_, filter, planes.color);
    move_to(planes);
    return {};
  }
  ImageView color = color_;
  if (mode_ == NativeMode::alpha && blends) {
    const MutableImageView product = image_in(multiplied_, size());
    with_alpha(color_, fourth_, product, multiplied);
    color = product;
  }
  const Resizer::Geometry geometry{to.width, to.height, 0, 0, {}};
  if (auto done = resizer_.resize(color, geometry, filter, planes.color); !done) return done;
  if (has_fourth()) {
    if (auto done = resizer_.resize(fourth_, geometry, filter, planes.fourth); !done) return done;
  }
  if (mode_ == NativeMode::alpha && blends) {
    with_alpha(planes.color, planes.fourth, planes.color, divided);
  }
  move_to(planes);
  return {};
}

void NativeGeometry::crop(const CenterCrop& crop) {
  const CropPlacement placed = place_center_crop(crop, size());
  if (!placed.is_padded(crop.size)) {
    color_ = part_of(color_, placed.kept);
    if (has_fourth()) fourth_ = part_of(fourth_, placed.kept);
    return;
  }
  // What is around has the same number in all channels, or is that entry of the palette.
  const std::uint8_t value = crop.fill[0];
  std::array<std::uint8_t, 3> fill = crop.fill;
  if (mode_ == NativeMode::palette) std::copy_n(palette_ + std::size_t{3} * value, 3, fill.data());
  if (mode_ == NativeMode::gray16) fill = {0, value, 0};
  const Planes planes = fresh_planes(crop.size);
  place_pixels(color_, placed, fill, planes.color);
  if (has_fourth()) place_pixels(fourth_, placed, {value, value, value}, planes.fourth);
  move_to(planes);
}

void NativeGeometry::flip(const HorizontalFlip& step, RandomNumbers& numbers) {
  if (!happens(step, numbers)) return;
  const Planes planes = fresh_planes(size());
  const CropPlacement all{{0, 0, color_.width, color_.height}, 0, 0};
  place_pixels(color_, all, {}, planes.color);
  change_pixels(step, numbers, scratch_, planes.color);
  if (has_fourth()) {
    place_pixels(fourth_, all, {}, planes.fourth);
    change_pixels(step, numbers, scratch_, planes.fourth);
  }
  move_to(planes);
}

MutableImageView NativeGeometry::to_rgb() {
  const MutableImageView rgb = image_in(rgb_, size());
  for (int y = 0; y < rgb.height; ++y) {
    const std::uint8_t* color = color_.row(y);
    std::uint8_t* out = rgb.row(y);
    if (mode_ == NativeMode::cmyk) {
      const std::uint8_t* black = fourth_.row(y);
      for (int x = 0; x < rgb.width; ++x, color += 3, black += 3, out += 3) {
        cmyk_to_rgb(color, black[0], out);
      }
    } else if (mode_ == NativeMode::gray16) {
      for (int x = 0; x < rgb.width; ++x, color += 3, out += 3) {
        std::memset(out, clip_gray16(color[0], color[1]), 3);
      }
    } else {
      std::memcpy(out, color, static_cast<std::size_t>(rgb.width) * 3);
    }
  }
  return rgb;
}

}  // namespace millrace
