#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "millrace/transforms/output/normalize.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/steps/image_transform.h"
#include "millrace/transforms/steps/pixel_steps-inl.h"
#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

std::uint64_t pixel_bytes(ImageSize size) {
  return static_cast<std::uint64_t>(size.width) * static_cast<std::uint64_t>(size.height) * 3;
}

ImageSize size_of(ImageView image) { return {image.width, image.height}; }

void copy_pixels(ImageView from, MutableImageView to) {
  for (int y = 0; y < from.height; ++y) {
    std::memcpy(to.row(y), from.row(y), static_cast<std::size_t>(from.width) * 3);
  }
}

void fill_rows(MutableImageView image, const std::array<std::uint8_t, 3>& color, int left, int top,
               int width, int height) {
  for (int y = top; y < top + height; ++y) {
    std::uint8_t* pixel = image.row(y) + static_cast<std::size_t>(left) * 3;
    for (int x = 0; x < width; ++x, pixel += 3) std::memcpy(pixel, color.data(), 3);
  }
}

/// Paints what lies around the placed image.
void fill_around(MutableImageView image, const CenterCrop& crop, const CropPlacement& placed) {
  const int right = placed.left + placed.kept.width;
  const int bottom = placed.top + placed.kept.height;
  fill_rows(image, crop.fill, 0, 0, image.width, placed.top);
  fill_rows(image, crop.fill, 0, bottom, image.width, image.height - bottom);
  fill_rows(image, crop.fill, 0, placed.top, placed.left, placed.kept.height);
  fill_rows(image, crop.fill, right, placed.top, image.width - right, placed.kept.height);
}

bool changes_size(const ImageStep& step) {
  return std::holds_alternative<Resize>(step) || std::holds_alternative<CenterCrop>(step) ||
         std::holds_alternative<RandomResizedCrop>(step);
}

bool has_padding(const CropPlacement& placed, ImageSize size) {
  return placed.kept.width != size.width || placed.kept.height != size.height;
}

}  // namespace

struct ImageProcessor::Parts {
  explicit Parts(const ImageTransformOptions& from) : options(from), normalizer(from.output) {
    options.validate();
    size = size_after(options.steps);
    view_bytes = options.output.spec(size).slot_bytes();
    for (std::size_t i = 0; i < options.steps.size(); ++i) {
      const ImageStep& step = options.steps[i];
      std::size_t same = 0;
      for (std::size_t j = 0; j < i; ++j) same += options.steps[j].index() == step.index() ? 1 : 0;
      streams.push_back(step.index() << 16 | same);
      if (changes_size(step)) last_resizing = i;
    }
    writes_bytes =
        options.output.dtype == Dtype::uint8 && options.output.layout == PixelLayout::hwc;
  }

  /// What this stream draws from.
  Draw own_draw(const Draw& draw) const { return {RandomNumbers(draw, options.stream).next()}; }
  /// Of a step of the view.
  RandomNumbers numbers_of(const Draw& own, std::size_t view, std::size_t step) const {
    return {own, view << 32 | streams[step]};
  }

  Result<void> make_view(ImageView image, const Draw& draw, std::size_t view,
                         std::span<std::byte> slot, StageTimes& times);

  std::optional<ImageWindow> needed_by(const Resize& resize, ImageSize stored);
  ImageWindow needed_by(const RandomResizedCrop& crop, ImageSize stored, const Draw& own) const;

  /// One step, or a resize and the centre crop after it; goes on to the next.
  Result<void> take_step(std::size_t& i, RandomNumbers& numbers);
  Result<void> take(const Resize& resize, std::size_t& i);
  Result<void> take(const CenterCrop& crop, std::size_t i);
  Result<void> take(const RandomResizedCrop& crop, std::size_t i, RandomNumbers& numbers);
  template <typename PixelStep>
  Result<void> take_pixel_step(const PixelStep& step, RandomNumbers& numbers);

  /// Where the result of step `i` goes: the slot, if nothing changes the size any more and the slot
  /// takes bytes; otherwise a buffer that `current` does not lie in.
  Result<MutableImageView> target(std::size_t i, ImageSize of);
  /// What the image's size would be were it there whole and as it is stored.
  ImageSize whole_size() const { return part ? part->whole : size_of(current); }
  void move_to(MutableImageView image) {
    current = image;
    writable = image;
    part.reset();
  }

  ImageTransformOptions options;
  ImageSize size;
  Normalizer normalizer;
  std::size_t view_bytes = 0;
  std::vector<std::uint64_t> streams;  // of each step
  std::size_t last_resizing = 0;
  bool writes_bytes = false;

  Resizer resizer;
  std::array<PixelBuffer, 2> buffers;
  std::size_t next_buffer = 0;
  PixelScratch scratch;

  /// What `current` is, where it is not the image as it is stored: a part of it, or scaled, of
  /// which the first step looks at a box.
  struct Part {
    ImageSize whole;
    std::array<double, 4> box;
  };

  // Of the view at hand.
  std::optional<Part> part;
  std::uint8_t* slot_pixels = nullptr;
  ImageView current;
  std::optional<MutableImageView> writable;  // `current`, where it is ours
};

Result<void> ImageProcessor::Parts::make_view(ImageView image, const Draw& draw, std::size_t view,
                                              std::span<std::byte> slot, StageTimes& times) {
  slot_pixels = reinterpret_cast<std::uint8_t*>(slot.data());
  current = image;
  writable.reset();
  {
    const StageTimer timer(times, Stage::resize, pixel_bytes(size_of(image)));
    for (std::size_t i = 0; i < options.steps.size();) {
      RandomNumbers numbers = numbers_of(draw, view, i);
      if (Result<void> taken = take_step(i, numbers); !taken) return taken;
    }
  }
  if (writes_bytes && current.data == slot_pixels) return {};
  const StageTimer timer(times, Stage::normalize, pixel_bytes(size));
  normalizer.normalize(current, slot.data());
  return {};
}

Result<void> ImageProcessor::Parts::take_step(std::size_t& i, RandomNumbers& numbers) {
  const auto take_known = [&](const auto& step) {
    using Step = std::decay_t<decltype(step)>;
    if constexpr (std::is_same_v<Step, Resize>) {
      return take(step, i);
    } else if constexpr (std::is_same_v<Step, CenterCrop>) {
      return take(step, i++);
    } else if constexpr (std::is_same_v<Step, RandomResizedCrop>) {
      return take(step, i++, numbers);
    } else {
      ++i;
      return take_pixel_step(step, numbers);
    }
  };
  return std::visit(take_known, options.steps[i]);
}

Result<void> ImageProcessor::Parts::take(const Resize& resize, std::size_t& i) {
  const std::size_t at = i++;
  const Result<ImageSize> full = resized_size(resize, whole_size());
  if (!full) return tl::unexpected(full.error());
  if (*full == size_of(current) && *full == whole_size()) {
    part.reset();
    return {};
  }
  const auto* crop =
      i < options.steps.size() ? std::get_if<CenterCrop>(&options.steps[i]) : nullptr;
  Resizer::Geometry geometry{full->width, full->height, 0, 0, {}};
  if (part) geometry.box = part->box;
  if (crop == nullptr) {
    const Result<MutableImageView> to = target(at, *full);
    if (!to) return tl::unexpected(to.error());
    Result<void> resized = resizer.resize(current, geometry, resize.filter, *to);
    move_to(*to);
    return resized;
  }
  ++i;
  const CropPlacement placed = place_center_crop(*crop, *full);
  const Result<MutableImageView> to = target(at + 1, crop->size);
  if (!to) return tl::unexpected(to.error());
  geometry.crop_left = placed.kept.left;
  geometry.crop_top = placed.kept.top;
  Result<void> resized = resizer.resize(
      current, geometry, resize.filter,
      part_of(*to, {placed.left, placed.top, placed.kept.width, placed.kept.height}));
  if (has_padding(placed, crop->size)) fill_around(*to, *crop, placed);
  move_to(*to);
  return resized;
}

Result<void> ImageProcessor::Parts::take(const CenterCrop& crop, std::size_t i) {
  const CropPlacement placed = place_center_crop(crop, size_of(current));
  if (!has_padding(placed, crop.size)) {
    current = part_of(current, placed.kept);
    if (writable) writable = part_of(*writable, placed.kept);
    return {};
  }
  const Result<MutableImageView> to = target(i, crop.size);
  if (!to) return tl::unexpected(to.error());
  copy_pixels(part_of(current, placed.kept),
              part_of(*to, {placed.left, placed.top, placed.kept.width, placed.kept.height}));
  fill_around(*to, crop, placed);
  move_to(*to);
  return {};
}

Result<void> ImageProcessor::Parts::take(const RandomResizedCrop& crop, std::size_t i,
                                         RandomNumbers& numbers) {
  Resizer::Geometry geometry{crop.size.width, crop.size.height, 0, 0, {}};
  if (part) {
    geometry.box = part->box;
  } else {
    current = part_of(current, draw_crop(crop, size_of(current), numbers));
  }
  const Result<MutableImageView> to = target(i, crop.size);
  if (!to) return tl::unexpected(to.error());
  Result<void> resized = resizer.resize(current, geometry, crop.filter, *to);
  move_to(*to);
  return resized;
}

template <typename PixelStep>
Result<void> ImageProcessor::Parts::take_pixel_step(const PixelStep& step, RandomNumbers& numbers) {
  if (!happens(step, numbers)) return {};
  if (!writable) {
    // What was decoded may be another column's, too.
    const Result<MutableImageView> to = target(options.steps.size(), size_of(current));
    if (!to) return tl::unexpected(to.error());
    copy_pixels(current, *to);
    move_to(*to);
  }
  change_pixels(step, numbers, scratch, *writable);
  return {};
}

Result<MutableImageView> ImageProcessor::Parts::target(std::size_t i, ImageSize of) {
  const std::size_t stride_bytes = static_cast<std::size_t>(of.width) * 3;
  if (writes_bytes && i >= last_resizing && of == size) {
    return MutableImageView{slot_pixels, of.width, of.height, stride_bytes};
  }
  if (of != size && pixel_bytes(of) / 3 > options.decode.max_image_pixels) {
    return fail(Reason::image_too_large, "resized to " + std::to_string(of.width) + " x " +
                                             std::to_string(of.height) +
                                             " pixels on the way, more than max_image_pixels");
  }
  next_buffer = 1 - next_buffer;
  return MutableImageView{buffers[next_buffer].reserve(pixel_bytes(of)), of.width, of.height,
                          stride_bytes};
}

ImageProcessor::ImageProcessor(const ImageTransformOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}
ImageProcessor::~ImageProcessor() = default;

Result<void> ImageProcessor::apply(ImageView image, const Draw& draw, std::span<std::byte> slot,
                                   StageTimes& times) {
  if (image.width < 1 || image.height < 1) {
    return fail(Reason::bad_image, "the image has no pixels");
  }
  parts_->part.reset();
  const Draw own = parts_->own_draw(draw);
  const auto views = static_cast<std::size_t>(parts_->options.views);
  for (std::size_t view = 0; view < views; ++view) {
    const auto part = slot.subspan(view * parts_->view_bytes, parts_->view_bytes);
    if (Result<void> made = parts_->make_view(image, own, view, part, times); !made) return made;
  }
  return {};
}

std::optional<ImageWindow> ImageProcessor::Parts::needed_by(const Resize& resize,
                                                            ImageSize stored) {
  const auto* crop =
      options.steps.size() > 1 ? std::get_if<CenterCrop>(&options.steps[1]) : nullptr;
  const Result<ImageSize> full = resized_size(resize, stored);
  if (crop == nullptr || !full) return std::nullopt;
  const ImageWindow kept = place_center_crop(*crop, *full).kept;
  if (*full == stored) return kept;
  const Resizer::Geometry geometry{full->width, full->height, kept.left, kept.top, {}};
  const Result<ImageWindow> needed =
      resizer.needed(stored, geometry, resize.filter, {kept.width, kept.height});
  return needed ? std::optional(*needed) : std::nullopt;
}

ImageWindow ImageProcessor::Parts::needed_by(const RandomResizedCrop& crop, ImageSize stored,
                                             const Draw& own) const {
  std::optional<ImageWindow> needed;
  for (std::size_t view = 0; view < static_cast<std::size_t>(options.views); ++view) {
    RandomNumbers numbers = numbers_of(own, view, 0);
    const ImageWindow drawn = draw_crop(crop, stored, numbers);
    needed = needed ? hull_of(*needed, drawn) : drawn;
  }
  return *needed;
}

std::optional<ImageWindow> ImageProcessor::needed(ImageSize stored, const Draw& draw) {
  if (parts_->options.steps.empty() || stored.width < 1 || stored.height < 1) return std::nullopt;
  const ImageStep& first = parts_->options.steps.front();
  if (const auto* resize = std::get_if<Resize>(&first)) return parts_->needed_by(*resize, stored);
  if (const auto* crop = std::get_if<CenterCrop>(&first))
    return place_center_crop(*crop, stored).kept;
  if (const auto* crop = std::get_if<RandomResizedCrop>(&first)) {
    return parts_->needed_by(*crop, stored, parts_->own_draw(draw));
  }
  return std::nullopt;
}

bool ImageProcessor::wants_scaled() const {
  const ImageTransformOptions& options = parts_->options;
  return options.views == 1 && !options.steps.empty() &&
         (std::holds_alternative<Resize>(options.steps.front()) ||
          std::holds_alternative<RandomResizedCrop>(options.steps.front()));
}

std::optional<ImageProcessor::Wanted> ImageProcessor::wanted(ImageSize stored,
                                                             const Draw& draw) const {
  if (!wants_scaled() || stored.width < 1 || stored.height < 1) return std::nullopt;
  const ImageStep& first = parts_->options.steps.front();
  if (const auto* resize = std::get_if<Resize>(&first)) {
    const Result<ImageSize> full = resized_size(*resize, stored);
    if (!full) return std::nullopt;
    return Wanted{{0, 0, stored.width, stored.height}, *full};
  }
  if (const auto* crop = std::get_if<RandomResizedCrop>(&first)) {
    RandomNumbers numbers = parts_->numbers_of(parts_->own_draw(draw), 0, 0);
    return Wanted{draw_crop(*crop, stored, numbers), crop->size};
  }
  return std::nullopt;
}

Result<void> ImageProcessor::apply_wanted(const BoxedImage& image, ImageSize stored,
                                          const Draw& draw, std::span<std::byte> slot,
                                          StageTimes& times) {
  parts_->part = {stored, image.box};
  return parts_->make_view(image.pixels, parts_->own_draw(draw), 0, slot, times);
}

}  // namespace millrace
