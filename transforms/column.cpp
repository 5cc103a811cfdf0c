#include "millrace/transforms/column.h"

#include <stdexcept>
#include <utility>

#include "millrace/transforms/captions/caption_template.h"

namespace millrace {

namespace {

class BytesWriter final : public SlotWriter {
 public:
  Result<void> write(std::span<const std::uint8_t> /*field*/, std::span<std::byte> /*slot*/,
                     const Draw& /*draw*/, StageTimes& /*times*/) override {
    return {};
  }
};

class BytesTransform final : public Transform {
 public:
  OutputSpec output() const override { return {Dtype::bytes, {}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<BytesWriter>();
  }
  std::string describe() const override { return R"({"type":"raw"})"; }
};

}  // namespace

Column image(std::string fields, std::shared_ptr<const Transform> transform) {
  if (transform == nullptr) throw std::invalid_argument("image: transform must not be null");
  return {std::move(fields), std::move(transform), {}};
}

Column raw(std::string fields, std::optional<Captions> captions) {
  if (captions) captions->validate();
  return {std::move(fields), std::make_shared<const BytesTransform>(), std::move(captions)};
}

std::vector<std::string> Column::selectors() const {
  if (!captions || (captions->weights.empty() && captions->templates.empty())) return {fields};
  std::vector<std::string> selectors;
  for (const CaptionWeight& weight : captions->weights) selectors.push_back(weight.selector);
  for (const std::string& text : captions->templates) {
    for (std::string& selector : CaptionTemplate(text).selectors()) {
      selectors.push_back(std::move(selector));
    }
  }
  return selectors;
}

Columns clip_columns(int size) {
  return {
      {"image", image(std::string(kImageFields), clip_transform(size))},
      {"text", text(std::string(kTextFields), std::make_shared<const ClipTokenizer>())},
  };
}

}  // namespace millrace
