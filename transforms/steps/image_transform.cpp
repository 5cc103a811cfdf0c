#include "millrace/transforms/steps/image_transform.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/steps/image_transform-inl.h"

namespace millrace {
namespace {

class ImageWriter final : public SlotWriter {
 public:
  /// `shared` is what other columns of the sample decode, too; null: nobody else does.
  ImageWriter(const ImageTransformOptions& options, DecodedImages* shared)
      : decode_(options.decode),
        own_(shared == nullptr ? std::make_unique<DecodedImages>() : nullptr),
        decoded_(shared == nullptr ? *own_ : *shared),
        processor_(options) {
    // At another scale an image is of use to nobody else.
    if (decode_.fast_scale && processor_.wants_scaled()) scaled_.emplace(decode_);
  }

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& draw, StageTimes& times) override {
    if (is_scaled(field)) return write_scaled(field, slot, draw, times);
    if (own_) {
      own_->forget();
      announce(field, draw);
    }
    const Result<DecodedImage> image = decoded_.decode(decode_, field, times);
    if (!image) return tl::unexpected(image.error());
    return processor_.apply(*image, draw, slot, times);
  }
  void announce(std::span<const std::uint8_t> field, const Draw& draw) override {
    if (!is_scaled(field)) decoded_.announce(decode_, field, needed(field, draw));
  }

 private:
  bool is_scaled(std::span<const std::uint8_t> field) const {
    return scaled_ && sniff_image(field) == ImageKind::jpeg;
  }

  // Other formats are decoded as a whole in any case.
  std::optional<ImageWindow> needed(std::span<const std::uint8_t> field, const Draw& draw) {
    if (sniff_image(field) != ImageKind::jpeg) return std::nullopt;
    const Result<ImageSize> size = decoded_.measure(decode_, field);
    return size ? processor_.needed(*size, draw) : std::nullopt;
  }

  Result<void> write_scaled(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                            const Draw& draw, StageTimes& times) {
    const Result<ImageSize> stored = scaled_->measure(field);
    if (!stored) return tl::unexpected(stored.error());
    const auto wanted = processor_.wanted(*stored, draw);
    if (!wanted) {
      const Result<DecodedImage> image = [&] {
        const StageTimer timer(times, Stage::decode, field.size());
        return scaled_->decode(field);
      }();
      if (!image) return tl::unexpected(image.error());
      return processor_.apply(*image, draw, slot, times);
    }
    Result<BoxedImage> image = [&] {
      const StageTimer timer(times, Stage::decode, field.size());
      return scaled_->decode_for(field, wanted->window, wanted->target);
    }();
    if (!image) return tl::unexpected(std::move(image.error()));
    return processor_.apply_wanted(*image, *stored, draw, slot, times);
  }

  DecodeOptions decode_;
  std::unique_ptr<DecodedImages> own_;
  DecodedImages& decoded_;
  std::optional<ImageDecoder> scaled_;  // instead of what is shared
  ImageProcessor processor_;
};

class DescribedImageTransform final : public Transform {
 public:
  DescribedImageTransform(ImageTransformOptions options, std::string description)
      : options_(std::move(options)), description_(std::move(description)) {}

  OutputSpec output() const override { return options_.spec(); }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<ImageWriter>(options_, nullptr);
  }
  std::unique_ptr<SlotWriter> make_sharing_writer(DecodedImages& decoded) const override {
    return std::make_unique<ImageWriter>(options_, &decoded);
  }
  std::string describe() const override { return description_; }

 private:
  ImageTransformOptions options_;
  std::string description_;
};

}  // namespace

void ImageTransformOptions::validate() const {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    try {
      millrace::validate(steps[i]);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("steps[" + std::to_string(i) + "]: " + error.what());
    }
  }
  (void)size_after(steps);
  output.validate();
  if (views < 1 || views > kMostViews) {
    throw std::invalid_argument("views = " + std::to_string(views) + ": must be 1 to " +
                                std::to_string(kMostViews));
  }
}

OutputSpec ImageTransformOptions::spec() const {
  OutputSpec spec = output.spec(size_after(steps));
  if (views > 1) spec.shape.insert(spec.shape.begin(), views);
  return spec;
}

std::string ImageTransformOptions::describe() const {
  std::string text = R"({"type":"image","decode":{)" + json_members(decode) + R"(},"steps":[)";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    text += (i > 0 ? "," : "") + millrace::describe(steps[i]);
  }
  text += R"(],"output":)" + output.describe();
  if (views != 1) text += R"(,"views":)" + std::to_string(views);
  if (stream != 0) text += R"(,"stream":)" + std::to_string(stream);
  return text + "}";
}

std::shared_ptr<const Transform> described_image_transform(const ImageTransformOptions& options,
                                                           std::string description) {
  options.validate();
  return std::make_shared<DescribedImageTransform>(options, std::move(description));
}

std::shared_ptr<const Transform> image_transform(const ImageTransformOptions& options) {
  return described_image_transform(options, options.describe());
}

}  // namespace millrace
