#include "millrace/transforms/steps/native_geometry-inl.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {

bool NativeGeometry::has(const ImageStep& step) {
  return std::holds_alternative<Resize>(step) || std::holds_alternative<CenterCrop>(step) ||
         std::holds_alternative<RandomResizedCrop>(step) ||
         std::holds_alternative<HorizontalFlip>(step);
}

void NativeGeometry::begin(const NativeImage& image) { image_ = image; }

NativePlanes NativeGeometry::fresh_planes(ImageSize size) {
  next_ = 1 - next_;
  NativeBuffers& memory = buffers_[next_];
  return {rgb_image_in(memory.color, size),
          has_fourth() ? rgb_image_in(memory.fourth, size) : MutableImageView{}};
}

void NativeGeometry::move_to(const NativePlanes& planes) {
  image_.color = planes.color;
  image_.fourth = planes.fourth;
}

Result<void> NativeGeometry::take(const ImageStep& step, RandomNumbers& numbers) {
  if (const auto* resizing = std::get_if<Resize>(&step)) {
    const Result<ImageSize> to = resized_size(*resizing, size());
    if (!to) return tl::unexpected(to.error());
    return resize(*to, resizing->filter);
  }
  if (const auto* random = std::get_if<RandomResizedCrop>(&step)) {
    const ImageWindow drawn = draw_crop(*random, size(), numbers);
    image_.color = part_of(image_.color, drawn);
    if (has_fourth()) image_.fourth = part_of(image_.fourth, drawn);
    return resize(random->size, random->filter);
  }
  if (const auto* center = std::get_if<CenterCrop>(&step)) crop(*center);
  if (const auto* flipped = std::get_if<HorizontalFlip>(&step)) flip(*flipped, numbers);
  return {};
}

Result<void> NativeGeometry::resize(ImageSize to, Filter filter) {
  if (to == size()) return {};
  if (auto fits = check_step_pixels(to, max_pixels_); !fits) return fits;
  const NativePlanes planes = fresh_planes(to);
  if (auto done = resizer_.resize(image_, {}, filter, planes); !done) return done;
  move_to(planes);
  return {};
}

void NativeGeometry::crop(const CenterCrop& crop) {
  const CropPlacement placed = place_center_crop(crop, size());
  if (!placed.is_padded(crop.size)) {
    image_.color = part_of(image_.color, placed.kept);
    if (has_fourth()) image_.fourth = part_of(image_.fourth, placed.kept);
    return;
  }
  // What is around has the same number in all channels, or is that entry of the palette.
  const std::uint8_t value = crop.fill[0];
  std::array<std::uint8_t, 3> fill = crop.fill;
  if (image_.mode == NativeMode::palette)
    std::copy_n(image_.palette + std::size_t{3} * value, 3, fill.data());
  if (image_.mode == NativeMode::gray16) fill = {0, value, 0};
  const NativePlanes planes = fresh_planes(crop.size);
  place_pixels(image_.color, placed, fill, planes.color);
  if (has_fourth()) place_pixels(image_.fourth, placed, {value, value, value}, planes.fourth);
  move_to(planes);
}

void NativeGeometry::flip(const HorizontalFlip& step, RandomNumbers& numbers) {
  if (!happens(step, numbers)) return;
  const NativePlanes planes = fresh_planes(size());
  const CropPlacement all{{0, 0, image_.color.width, image_.color.height}, 0, 0};
  place_pixels(image_.color, all, {}, planes.color);
  change_pixels(step, numbers, scratch_, planes.color);
  if (has_fourth()) {
    place_pixels(image_.fourth, all, {}, planes.fourth);
    change_pixels(step, numbers, scratch_, planes.fourth);
  }
  move_to(planes);
}

MutableImageView NativeGeometry::to_rgb() {
  const MutableImageView rgb = rgb_image_in(rgb_, size());
  for (int y = 0; y < rgb.height; ++y) {
    const std::uint8_t* color = image_.color.row(y);
    std::uint8_t* out = rgb.row(y);
    if (image_.mode == NativeMode::cmyk) {
      const std::uint8_t* black = image_.fourth.row(y);
      for (int x = 0; x < rgb.width; ++x, color += 3, black += 3, out += 3) {
        cmyk_to_rgb(color, black[0], out);
      }
    } else if (image_.mode == NativeMode::gray16) {
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
