#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/transforms/column.h"
#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

/// Which output of a tokenizer a column is.
enum class TokenOutput : std::uint8_t { ids, mask };

class TokenWriter final : public SlotWriter {
 public:
  TokenWriter(std::shared_ptr<const Tokenizer> tokenizer, TokenOutput output, EmptyCaptions empty)
      : tokenizer_(std::move(tokenizer)), output_(output), empty_(empty) {}

  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    const StageTimer timer(times, Stage::tokenize, field.size());
    const std::string_view caption(reinterpret_cast<const char*>(field.data()), field.size());
    if (empty_ == EmptyCaptions::drop && is_blank(caption)) {
      return fail(Reason::bad_text, "empty caption");
    }
    const std::span<std::int64_t> ids(reinterpret_cast<std::int64_t*>(slot.data()),
                                      slot.size() / sizeof(std::int64_t));
    const std::size_t own_ids = tokenizer_->encode(caption, ids);
    if (output_ == TokenOutput::mask) tokenizer_->write_mask(own_ids, ids);
    return {};
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  TokenOutput output_;
  EmptyCaptions empty_;
};

class TokenTransform final : public Transform {
 public:
  TokenTransform(std::shared_ptr<const Tokenizer> tokenizer, TokenOutput output,
                 EmptyCaptions empty)
      : tokenizer_(std::move(tokenizer)), output_(output), empty_(empty) {}

  OutputSpec output() const override { return {Dtype::int64, {tokenizer_->context_length()}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<TokenWriter>(tokenizer_, output_, empty_);
  }
  std::string describe() const override {
    const std::string type = output_ == TokenOutput::ids ? "tokens" : "attention_mask";
    return R"({"type":")" + type + R"(","tokenizer":)" + tokenizer_->describe() +
           (empty_ == EmptyCaptions::keep ? R"(,"empty":"keep"})" : "}");
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  TokenOutput output_;
  EmptyCaptions empty_;
};

Column token_column(std::string fields, std::shared_ptr<const Tokenizer> tokenizer,
                    TokenOutput output, Captions captions) {
  if (tokenizer == nullptr) throw std::invalid_argument("text: tokenizer must not be null");
  captions.validate();
  const EmptyCaptions empty = captions.empty;
  return {std::move(fields),
          std::make_shared<const TokenTransform>(std::move(tokenizer), output, empty),
          std::move(captions)};
}

}  // namespace

Column text(std::string fields, std::shared_ptr<const Tokenizer> tokenizer, Captions captions) {
  return token_column(std::move(fields), std::move(tokenizer), TokenOutput::ids,
                      std::move(captions));
}

Column attention_mask(std::string fields, std::shared_ptr<const Tokenizer> tokenizer,
                      Captions captions) {
  return token_column(std::move(fields), std::move(tokenizer), TokenOutput::mask,
                      std::move(captions));
}

}  // namespace millrace
