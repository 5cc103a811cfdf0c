#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace {

/// The regular expressions that byte-level tokenizers part text with. Each is a matcher of its own:
/// they look ahead, which RE2 cannot, and a general engine would take most of the time of encoding.
enum class SplitPattern : std::uint8_t {
  gpt2,
  llama3,  ///< also tiktoken's cl100k: numbers in groups of three digits
  qwen2,   ///< the same with each digit alone
  clip,    ///< what it does not match is left out
};

/// The pattern that is written so in a tokenizer.json, letter for letter.
std::optional<SplitPattern> split_pattern(std::string_view regex);

/// How many bytes the piece at the front of `text` has, which is valid UTF-8 and not empty;
/// `is_gap` tells that it is nothing that the pattern matches. Classes as TokenizersUnicode has
/// them.
std::size_t next_piece(SplitPattern pattern, std::string_view text, bool& is_gap);

}  // namespace millrace
