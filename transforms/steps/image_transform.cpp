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
      : decode_(options.decode), shared_(shared), processor_(options) {
    // At another scale an image is of use to nobody else.
    const bool is_scaled = decode_.fast_scale && processor_.wants_parts();
    if (shared_ == nullptr || is_scaled) decoder_.emplace(decode_);
  }

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& draw, StageTimes& times) override {
    if (decoder_ && sniff_image(field) == ImageKind::jpeg) {
      return write_wanted(field, slot, draw, times);
    }
    const Result<ImageView> image = decode(field, times);
    if (!image) return tl::unexpected(image.error());
    return processor_.apply(*image, draw, slot, times);
  }
  void prepare(std::span<const std::span<const std::uint8_t>> fields, StageTimes& times) override {
    if (!decoder_) shared_->decode_together(decode_, fields, times);
  }

 private:
  Result<ImageView> decode(std::span<const std::uint8_t> field, StageTimes& times) {
    if (!decoder_) return shared_->decode(decode_, field, times);
    const StageTimer timer(times, Stage::decode, field.size());
    return decoder_->decode(field);
  }

  // What lies outside of a crop is not computed, and with fast_scale no more than the steps need.
  Result<void> write_wanted(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                            const Draw& draw, StageTimes& times) {
    const Result<ImageSize> stored = decoder_->measure(field);
    const auto wanted = stored ? processor_.wanted(*stored, draw) : std::nullopt;
    if (!wanted) {
      const Result<ImageView> image = decode(field, times);
      if (!image) return tl::unexpected(image.error());
      return processor_.apply(*image, draw, slot, times);
    }
    Result<BoxedImage> image = [&] {
      const StageTimer timer(times, Stage::decode, field.size());
      return decoder_->decode_for(field, wanted->window, wanted->target);
    }();
    if (!image) return tl::unexpected(std::move(image.error()));
    return processor_.apply_wanted(*image, *stored, draw, slot, times);
  }

  DecodeOptions decode_;
  DecodedImages* shared_;
  std::optional<ImageDecoder> decoder_;  // instead of what is shared
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
