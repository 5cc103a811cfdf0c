#include "millrace/transforms/tokenizers/tokenizer.h"

#include <algorithm>
#include <stdexcept>

namespace millrace {

std::string_view truncation_side_name(TruncationSide side) {
  return side == TruncationSide::right ? "right" : "left";
}

void TokenizerOptions::validate() const {
  if (context_length < 1 || context_length > kMaxContextLength) {
    throw std::invalid_argument("context_length must be between 1 and " +
                                std::to_string(kMaxContextLength) + ", not " +
                                std::to_string(context_length));
  }
  if (pad_id && *pad_id < 0) {
    throw std::invalid_argument("pad_id must not be negative, and is " + std::to_string(*pad_id));
  }
}

Tokenizer::Tokenizer(const TokenizerOptions& options) : options_(options) { options_.validate(); }

std::size_t Tokenizer::encode(std::string_view text, std::span<std::int64_t> ids) const {
  const auto length = static_cast<std::size_t>(options_.context_length);
  if (ids.size() != length) {
    throw std::invalid_argument("ids must have context_length = " + std::to_string(length) +
                                " elements, not " + std::to_string(ids.size()));
  }
  const std::size_t written = write_ids(text, ids);
  std::fill(ids.begin() + static_cast<std::ptrdiff_t>(written), ids.end(),
            options_.pad_id ? *options_.pad_id : own_pad_id());
  return written;
}

std::string Tokenizer::describe_options() const {
  std::string text = ",\"context_length\":" + std::to_string(options_.context_length);
  if (options_.pad_id) text += ",\"pad_id\":" + std::to_string(*options_.pad_id);
  if (options_.truncation != TruncationSide::right) {
    text += R"(,"truncation":")" + std::string(truncation_side_name(options_.truncation)) + "\"";
  }
  return text;
}

}  // namespace millrace
