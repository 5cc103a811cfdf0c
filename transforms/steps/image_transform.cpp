#include "millrace/transforms/steps/image_transform.h"

#include <stdexcept>
#include <utility>

#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/steps/image_transform-inl.h"

namespace millrace {
namespace {

class ImageWriter final : public SlotWriter {
 public:
  /// Without `shared` nothing is decoded for anyone else.
  ImageWriter(const ImageTransformOptions& options, DecodedImages* shared)
      : decode_(options.decode),
        own_(shared == nullptr ? std::make_unique<DecodedImages>() : nullptr),
        decoded_(shared == nullptr ? *own_ : *shared),
        processor_(options) {}

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& draw, StageTimes& times) override {
    if (own_) own_->forget();
    const Result<ImageView> image = decoded_.decode(decode_, field, times);
    if (!image) return tl::unexpected(image.error());
    return processor_.apply(*image, draw, slot, times);
  }
  void prepare(std::span<const std::span<const std::uint8_t>> fields, StageTimes& times) override {
    if (!own_) decoded_.decode_together(decode_, fields, times);
  }

 private:
  DecodeOptions decode_;
  std::unique_ptr<DecodedImages> own_;
  DecodedImages& decoded_;
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
  if (decode.fast_scale) {
    throw std::invalid_argument(
        "decode.fast_scale = true: steps take images as they are stored, "
        "ImageDecoder::decode_for alone scales");
  }
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
