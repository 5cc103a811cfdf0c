#pragma once

#include <memory>

#include "millrace/loader/json_object-inl.h"
#include "millrace/transforms/tokenizers/tokenizer.h"

namespace millrace {

/// The tokenizer that options or Tokenizer::describe() name: {"type": "clip", ...}, any of those
/// that the library has. Whatever is not as it should be is std::invalid_argument.
std::shared_ptr<const Tokenizer> read_tokenizer(const JsonObject& from);

}  // namespace millrace
