#include "millrace/transforms/clip_image.h"

#include <array>
#include <charconv>
#include <stdexcept>
#include <string>

#include "millrace/transforms/decode.h"
#include "millrace/transforms/normalize.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/resize.h"
#include "millrace/transforms/resize_geometry.h"

namespace millrace {
namespace {

void validate_size(int size) {
  if (size < 1 || size > kLargestClipSize) {
    throw std::invalid_argument("size must lie in 1.." + std::to_string(kLargestClipSize) +
                                ", not " + std::to_string(size));
  }
}

std::string json_numbers(const std::array<float, 3>& values) {
  std::string text = "[";
  for (const float value : values) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    if (text.size() > 1) text += ',';
    text.append(digits.data(), end);
  }
  return text + "]";
}

Result<void> resize_and_crop(Resizer& resizer, ImageView image, MutableImageView window) {
  const Result<Resizer::Geometry> geometry =
      shorter_side_center_crop(image.width, image.height, window.width);
  if (!geometry) return tl::unexpected(geometry.error());
  return resizer.resize(image, *geometry, Filter::bicubic, window);
}

std::uint64_t pixel_bytes(ImageView image) {
  return static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height) * 3;
}

MutableImageView window_at(std::uint8_t* pixels, int size) {
  return {pixels, size, size, static_cast<std::size_t>(size) * 3};
}

/// Decodes, resizes and crops into a window.
class Cropper {
 public:
  explicit Cropper(const DecodeOptions& options) : decoder_(options) {}

  Result<void> write(std::span<const std::uint8_t> field, MutableImageView window,
                     StageTimes& times) {
    ImageView image;
    {
      const StageTimer timer(times, Stage::decode, field.size());
      const Result<ImageView> decoded = decoder_.decode(field);
      if (!decoded) return tl::unexpected(decoded.error());
      image = *decoded;
    }
    const StageTimer timer(times, Stage::resize, pixel_bytes(image));
    return resize_and_crop(resizer_, image, window);
  }

 private:
  ImageDecoder decoder_;
  Resizer resizer_;
};

class PixelsWriter final : public SlotWriter {
 public:
  PixelsWriter(int size, const DecodeOptions& options) : size_(size), cropper_(options) {}

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    auto* pixels = reinterpret_cast<std::uint8_t*>(slot.data());
    return cropper_.write(field, window_at(pixels, size_), times);
  }

 private:
  int size_;
  Cropper cropper_;
};

class FloatsWriter final : public SlotWriter {
 public:
  FloatsWriter(int size, const DecodeOptions& options, const Normalizer& normalizer)
      : size_(size), cropper_(options), normalizer_(normalizer) {
    pixels_.reserve(pixel_bytes(window_at(nullptr, size_)));
  }

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    const MutableImageView window = window_at(pixels_.data(), size_);
    if (auto written = cropper_.write(field, window, times); !written) return written;
    const StageTimer timer(times, Stage::normalize, pixel_bytes(window));
    normalizer_.normalize(window, reinterpret_cast<float*>(slot.data()));
    return {};
  }

 private:
  int size_;
  Cropper cropper_;
  Normalizer normalizer_;
  PixelBuffer pixels_;
};

class ClipTransform final : public Transform {
 public:
  ClipTransform(int size, const DecodeOptions& options) : size_(size), options_(options) {}

  OutputSpec output() const override { return {Dtype::float32, {3, size_, size_}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<FloatsWriter>(size_, options_, normalizer_);
  }
  std::string describe() const override {
    return R"({"type":"clip_image","size":)" + std::to_string(size_) + "," +
           json_members(options_) + R"(,"mean":)" + json_numbers(Normalizer::kClipMean) +
           R"(,"std":)" + json_numbers(Normalizer::kClipStd) + "}";
  }

 private:
  int size_;
  DecodeOptions options_;
  Normalizer normalizer_;
};

class ClipPixels final : public Transform {
 public:
  ClipPixels(int size, const DecodeOptions& options) : size_(size), options_(options) {}

  OutputSpec output() const override { return {Dtype::uint8, {size_, size_, 3}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<PixelsWriter>(size_, options_);
  }
  std::string describe() const override {
    return R"({"type":"clip_pixels","size":)" + std::to_string(size_) + "," +
           json_members(options_) + "}";
  }

 private:
  int size_;
  DecodeOptions options_;
};

}  // namespace

struct ClipImage::Parts {
  Resizer resizer;
  Normalizer normalizer;
  PixelBuffer pixels;
};

ClipImage::ClipImage() : parts_(std::make_unique<Parts>()) {}
ClipImage::~ClipImage() = default;

Result<void> ClipImage::apply(ImageView image, int size, std::span<float> output) {
  validate_size(size);
  MutableImageView window = window_at(nullptr, size);
  if (output.size() != pixel_bytes(window)) {
    throw std::invalid_argument("output must hold 3 x size x size floats, not " +
                                std::to_string(output.size()));
  }
  window.data = parts_->pixels.reserve(pixel_bytes(window));
  if (auto resized = resize_and_crop(parts_->resizer, image, window); !resized) return resized;
  parts_->normalizer.normalize(window, output.data());
  return {};
}

std::shared_ptr<const Transform> clip_transform(int size, const DecodeOptions& decode) {
  validate_size(size);
  return std::make_shared<ClipTransform>(size, decode);
}

std::shared_ptr<const Transform> clip_pixels(int size, const DecodeOptions& decode) {
  validate_size(size);
  return std::make_shared<ClipPixels>(size, decode);
}

}  // namespace millrace
