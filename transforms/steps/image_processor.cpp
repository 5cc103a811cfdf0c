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
#include "millrace/transforms/steps/native_geometry-inl.h"
#include "millrace/transforms/steps/pixel_steps-inl.h"
#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

std::uint64_t pixel_bytes(ImageSize size) {
  return static_cast<std::uint64_t>(size.width) * static_cast<std::uint64_t>(size.height) * 3;
}

ImageSize size_of(ImageView image) { return {image.width, image.height}; }

bool changes_size(const ImageStep& step) {
  return std::holds_alternative<Resize>(step) || std::holds_alternative<CenterCrop>(step) ||
         std::holds_alternative<RandomResizedCrop>(step);
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

  Result<void> make_view(const DecodedImage& image, const Draw& draw, std::size_t view,
                         std::span<std::byte> slot, StageTimes& times);
  /// The steps that move pixels, until the first that changes them, of an image that is not RGB.
  /// Goes on to the step after them.
  Result<void> move_native(const NativeImage& image, const Draw& draw, std::size_t view,
                           std::size_t& i);

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
  /// That a step may make: the last one always may.
  std::uint64_t most_pixels() const {
    return std::max(options.decode.max_image_pixels, pixel_bytes(size) / 3);
  }
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
  std::optional<NativeGeometry> native;  // once there is an image for it

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

Result<void> ImageProcessor::Parts::make_view(const DecodedImage& image, const Draw& draw,
                                              std::size_t view, std::span<std::byte> slot,
                                              StageTimes& times) {
  slot_pixels = reinterpret_cast<std::uint8_t*>(slot.data());
  current = image;
  writable.reset();
  {
    const StageTimer timer(times, Stage::resize, pixel_bytes(size_of(image)));
    std::size_t i = 0;
    if (image.native.mode != NativeMode::rgb) {
      if (Result<void> moved = move_native(image.native, draw, view, i); !moved) return moved;
    }
    while (i < options.steps.size()) {
      RandomNumbers numbers = numbers_of(draw, view, i);
      if (Result<void> taken = take_step(i, numbers); !taken) return taken;
    }
  }
  if (writes_bytes && current.data == slot_pixels) return {};
  const StageTimer timer(times, Stage::normalize, pixel_bytes(size));
  normalizer.normalize(current, slot.data());
  return {};
}

Result<void> ImageProcessor::Parts::move_native(const NativeImage& image, const Draw& draw,
                                                std::size_t view, std::size_t& i) {
  if (!native) native.emplace(most_pixels());
  native->begin(image);
  for (; i < options.steps.size() && NativeGeometry::has(options.steps[i]); ++i) {
    RandomNumbers numbers = numbers_of(draw, view, i);
    if (Result<void> taken = native->take(options.steps[i], numbers); !taken) return taken;
  }
  move_to(native->to_rgb());
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
  if (placed.is_padded(crop->size)) fill_around(*to, placed, crop->fill);
  move_to(*to);
  return resized;
}

Result<void> ImageProcessor::Parts::take(const CenterCrop& crop, std::size_t i) {
  const CropPlacement placed = place_center_crop(crop, size_of(current));
  if (!placed.is_padded(crop.size)) {
    current = part_of(current, placed.kept);
    if (writable) writable = part_of(*writable, placed.kept);
    return {};
  }
  const Result<MutableImageView> to = target(i, crop.size);
  if (!to) return tl::unexpected(to.error());
  place_pixels(current, placed, crop.fill, *to);
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
    place_pixels(current, {{0, 0, current.width, current.height}, 0, 0}, {}, *to);
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
  if (auto fits = check_step_pixels(of, most_pixels()); !fits) return tl::unexpected(fits.error());
  next_buffer = 1 - next_buffer;
  return MutableImageView{buffers[next_buffer].reserve(pixel_bytes(of)), of.width, of.height,
                          stride_bytes};
}

ImageProcessor::ImageProcessor(const ImageTransformOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}
ImageProcessor::~ImageProcessor() = default;

Result<void> ImageProcessor::apply(const DecodedImage& image, const Draw& draw,
                                   std::span<std::byte> slot, StageTimes& times) {
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
  return parts_->make_view({image.pixels, {}}, parts_->own_draw(draw), 0, slot, times);
}

}  // namespace millrace
