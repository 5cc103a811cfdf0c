#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/transforms/column.h"
#include "millrace/transforms/unicode-inl.h"

namespace millrace {

namespace {

class TokenWriter final : public SlotWriter {
 public:
  TokenWriter(std::shared_ptr<const ClipTokenizer> tokenizer, EmptyCaptions empty)
      : tokenizer_(std::move(tokenizer)), empty_(empty) {}

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    const StageTimer timer(times, Stage::tokenize, field.size());
    const std::string_view caption(reinterpret_cast<const char*>(field.data()), field.size());
    if (empty_ == EmptyCaptions::drop && is_blank(caption)) {
      return fail(Reason::bad_text, "empty caption");
    }
    tokenizer_->encode(caption, {reinterpret_cast<std::int64_t*>(slot.data()),
                                 slot.size() / sizeof(std::int64_t)});
    return {};
  }

 private:
  std::shared_ptr<const ClipTokenizer> tokenizer_;
  EmptyCaptions empty_;
};

class TokenTransform final : public Transform {
 public:
  TokenTransform(std::shared_ptr<const ClipTokenizer> tokenizer, EmptyCaptions empty)
      : tokenizer_(std::move(tokenizer)), empty_(empty) {}

  OutputSpec output() const override { return {Dtype::int64, {tokenizer_->context_length()}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<TokenWriter>(tokenizer_, empty_);
  }
  std::string describe() const override {
    return R"({"type":"clip_tokens","context_length":)" +
           std::to_string(tokenizer_->context_length()) +
           (empty_ == EmptyCaptions::keep ? R"(,"empty":"keep"})" : "}");
  }

 private:
  std::shared_ptr<const ClipTokenizer> tokenizer_;
  EmptyCaptions empty_;
};

}  // namespace

Column text(std::string fields, std::shared_ptr<const ClipTokenizer> tokenizer, Captions captions) {
  if (tokenizer == nullptr) throw std::invalid_argument("text: tokenizer must not be null");
  captions.validate();
  const EmptyCaptions empty = captions.empty;
  return {std::move(fields), std::make_shared<const TokenTransform>(std::move(tokenizer), empty),
          std::move(captions)};
}

}  // namespace millrace
