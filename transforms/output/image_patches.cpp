#include "millrace/transforms/output/image_patches.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>

#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/output/normalize.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace {
namespace {

int patched_side(double scale, int side, int patch_size) {
  constexpr double kMost = 1 << 20;  // more than anyone asks for
  const double patches = std::ceil(side * scale / patch_size);
  return static_cast<int>(std::clamp(patches, 1.0, kMost)) * patch_size;
}

/// Patches of the resized image, along each side.
struct PatchGrid {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::size_t count() const { return static_cast<std::size_t>(rows * columns); }
};

Result<PatchGrid> grid_of(ImageView image, const PatchOptions& options) {
  const ImageSize size =
      patched_size({image.width, image.height}, options.patch_size, options.max_patches);
  const PatchGrid grid{size.height / options.patch_size, size.width / options.patch_size};
  if (grid.count() > static_cast<std::size_t>(options.max_patches)) {
    return fail(Reason::bad_image, "the image is too narrow for max_patches");
  }
  return grid;
}

class PixelPatches {
 public:
  explicit PixelPatches(const PatchOptions& options)
      : options_(options), normalizer_({options.dtype, PixelLayout::hwc, options.normalization}) {}

  Result<void> write(ImageView image, const PatchGrid& grid, std::span<std::byte> slot,
                     StageTimes& times) {
    const int side = options_.patch_size;
    const int width = static_cast<int>(grid.columns) * side;
    const int height = static_cast<int>(grid.rows) * side;
    const std::size_t row_bytes = static_cast<std::size_t>(width) * 3;
    const std::size_t bytes = row_bytes * static_cast<std::size_t>(height);
    const MutableImageView resized{resized_.reserve(bytes), width, height, row_bytes};
    {
      const StageTimer timer(times, Stage::resize,
                             std::uint64_t{3} * static_cast<std::uint64_t>(image.width) *
                                 static_cast<std::uint64_t>(image.height));
      Result<void> done =
          resizer_.resize(image, {width, height, 0, 0, {}}, options_.filter, resized);
      if (!done) return done;
    }
    const StageTimer timer(times, Stage::normalize, bytes);
    std::uint8_t* patches = patches_.reserve(bytes);
    const std::size_t patch_row_bytes = static_cast<std::size_t>(side) * 3;
    std::uint8_t* to = patches;
    for (int top = 0; top < height; top += side) {
      for (std::size_t left = 0; left < row_bytes; left += patch_row_bytes) {
        for (int y = top; y < top + side; ++y, to += patch_row_bytes) {
          std::memcpy(to, resized.row(y) + left, patch_row_bytes);
        }
      }
    }
    normalizer_.normalize({patches, width, height, row_bytes}, slot.data());
    const std::size_t used = bytes * dtype_bytes(options_.dtype);
    std::memset(slot.data() + used, 0, slot.size() - used);
    return {};
  }

 private:
  PatchOptions options_;
  Normalizer normalizer_;
  Resizer resizer_;
  PixelBuffer resized_;
  PixelBuffer patches_;
};

void write_numbers(PatchPart part, const PatchGrid& grid, std::span<std::byte> slot) {
  auto* numbers = reinterpret_cast<std::int64_t*>(slot.data());
  if (part == PatchPart::shape) {
    numbers[0] = grid.rows;
    numbers[1] = grid.columns;
    return;
  }
  std::memset(slot.data(), 0, slot.size());
  if (part == PatchPart::mask) {
    std::fill_n(numbers, grid.count(), 1);
    return;
  }
  for (std::int64_t row = 0; row < grid.rows; ++row) {
    for (std::int64_t column = 0; column < grid.columns; ++column) {
      *numbers++ = row;
      *numbers++ = column;
    }
  }
}

class PatchWriter final : public SlotWriter {
 public:
  /// Without `shared` nothing is decoded for anyone else.
  PatchWriter(const PatchOptions& options, PatchPart part, DecodedImages* shared)
      : options_(options),
        part_(part),
        own_(shared == nullptr ? std::make_unique<DecodedImages>() : nullptr),
        decoded_(shared == nullptr ? *own_ : *shared),
        pixels_(options) {}

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    if (own_) own_->forget();
    const Result<ImageView> image = decoded_.decode(options_.decode, field, times);
    if (!image) return tl::unexpected(image.error());
    const Result<PatchGrid> grid = grid_of(*image, options_);
    if (!grid) return tl::unexpected(grid.error());
    if (part_ == PatchPart::pixels) return pixels_.write(*image, *grid, slot, times);
    write_numbers(part_, *grid, slot);
    return {};
  }
  void announce(std::span<const std::uint8_t> field, const Draw& /*draw*/) override {
    decoded_.announce(options_.decode, field, std::nullopt);
  }

 private:
  PatchOptions options_;
  PatchPart part_;
  std::unique_ptr<DecodedImages> own_;
  DecodedImages& decoded_;
  PixelPatches pixels_;
};

class PatchTransform final : public Transform {
 public:
  PatchTransform(const PatchOptions& options, PatchPart part) : options_(options), part_(part) {}

  OutputSpec output() const override {
    switch (part_) {
      case PatchPart::pixels:
        return {
            options_.dtype,
            {options_.max_patches, std::int64_t{3} * options_.patch_size * options_.patch_size}};
      case PatchPart::mask:
        return {Dtype::int64, {options_.max_patches}};
      case PatchPart::coordinates:
        return {Dtype::int64, {options_.max_patches, 2}};
      case PatchPart::shape:
        break;
    }
    return {Dtype::int64, {2}};
  }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<PatchWriter>(options_, part_, nullptr);
  }
  std::unique_ptr<SlotWriter> make_sharing_writer(DecodedImages& decoded) const override {
    return std::make_unique<PatchWriter>(options_, part_, &decoded);
  }
  std::string describe() const override {
    ImageOutput output{options_.dtype, PixelLayout::hwc, options_.normalization};
    return R"({"type":"image_patches","part":")" + std::string(patch_part_name(part_)) +
           R"(","decode":{)" + json_members(options_.decode) + R"(},"patch_size":)" +
           std::to_string(options_.patch_size) + R"(,"max_patches":)" +
           std::to_string(options_.max_patches) + R"(,"filter":")" +
           std::string(filter_name(options_.filter)) + R"(","output":)" + output.describe() + "}";
  }

 private:
  PatchOptions options_;
  PatchPart part_;
};

}  // namespace

std::string_view patch_part_name(PatchPart part) {
  switch (part) {
    case PatchPart::pixels:
      return "pixels";
    case PatchPart::mask:
      return "mask";
    case PatchPart::coordinates:
      return "coordinates";
    case PatchPart::shape:
      return "shape";
  }
  return "unknown";
}

void PatchOptions::validate() const {
  const auto check = [](const char* name, int value, int most) {
    if (value >= 1 && value <= most) return;
    throw std::invalid_argument(std::string(name) + " = " + std::to_string(value) +
                                ": must be 1 to " + std::to_string(most));
  };
  check("patch_size", patch_size, kLargestPatch);
  check("max_patches", max_patches, kMostPatches);
  ImageOutput{dtype, PixelLayout::hwc, normalization}.validate();
}

ImageSize patched_size(ImageSize size, int patch_size, int max_patches) {
  constexpr double kPrecision = 1e-5;
  double low = kPrecision / 10;
  double high = 100.0;
  const auto patches = [&](double scale) {
    const int rows = patched_side(scale, size.height, patch_size) / patch_size;
    const int columns = patched_side(scale, size.width, patch_size) / patch_size;
    return static_cast<double>(rows) * columns;
  };
  while (high - low >= kPrecision) {
    const double scale = (low + high) / 2;
    (patches(scale) <= max_patches ? low : high) = scale;
  }
  return {patched_side(low, size.width, patch_size), patched_side(low, size.height, patch_size)};
}

std::shared_ptr<const Transform> image_patches(const PatchOptions& options, PatchPart part) {
  options.validate();
  return std::make_shared<PatchTransform>(options, part);
}

}  // namespace millrace
