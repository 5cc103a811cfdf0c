#include "millrace/transforms/tokenizers/split_pattern-inl.h"

#include <array>

#include "millrace/transforms/text/tokenizers_unicode-inl.h"
#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

struct Char {
  char32_t value;
  CharClass char_class;
  std::uint32_t bytes;  ///< 0 at the end
};

Char char_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {0, CharClass::separator, 0};
  const Utf8Char c = decode_first(text.substr(at));
  return {c.value, TokenizersUnicode::instance().char_class(c.value), c.bytes};
}

/// Where the run of characters of the class that begins at `at` ends.
std::size_t run_end(std::string_view text, std::size_t at, CharClass wanted) {
  for (Char c = char_at(text, at); c.bytes > 0 && c.char_class == wanted; c = char_at(text, at)) {
    at += c.bytes;
  }
  return at;
}

bool is_line_end(char32_t c) { return c == '\r' || c == '\n'; }

std::size_t line_ends_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_line_end(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

/// 's|'t|'re|'ve|'m|'ll|'d
std::size_t contraction_length(std::string_view text, bool ignores_case) {
  static constexpr std::array<std::string_view, 7> kEnds = {"s", "t", "re", "ve", "m", "ll", "d"};
  constexpr std::string_view kLongS = "\xC5\xBF";
  if (text.size() < 2 || text[0] != '\'') return 0;
  const std::string_view after = text.substr(1);
  if (ignores_case && after.substr(0, kLongS.size()) == kLongS) return 1 + kLongS.size();
  for (const std::string_view end : kEnds) {
    if (after.size() < end.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < end.size(); ++i) {
      char c = after[i];
      if (ignores_case && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      same = same && c == end[i];
    }
    if (same) return 1 + end.size();
  }
  return 0;
}

/// \s+(?!\S)|\s+ : the last space before something else is left to that.
std::size_t spaces_length(std::string_view text) {
  std::size_t last = 0;
  std::size_t at = 0;
  for (Char c = char_at(text, 0); c.bytes > 0 && c.char_class == CharClass::separator;
       c = char_at(text, at)) {
    last = at;
    at += c.bytes;
  }
  return at == text.size() || last == 0 ? at : last;
}

std::size_t gpt2_length(std::string_view text) {
  if (const std::size_t length = contraction_length(text, false); length > 0) return length;
  const std::size_t begin = text[0] == ' ' ? 1 : 0;
  const Char first = char_at(text, begin);
  if (first.char_class != CharClass::separator) return run_end(text, begin, first.char_class);
  return spaces_length(text);
}

std::size_t number_length(std::string_view text, std::size_t most_digits) {
  std::size_t at = 0;
  for (std::size_t digits = 0; digits < most_digits; ++digits) {
    const Char c = char_at(text, at);
    if (c.bytes == 0 || c.char_class != CharClass::number) break;
    at += c.bytes;
  }
  return at;
}

/// \s*[\r\n]+ : to the last line end among the spaces; 0: there is none.
std::size_t to_last_line_end(std::string_view text) {
  std::size_t end = 0;
  std::size_t at = 0;
  for (Char c = char_at(text, 0); c.bytes > 0 && c.char_class == CharClass::separator;
       c = char_at(text, at)) {
    at += c.bytes;
    if (is_line_end(c.value)) end = at;
  }
  return end;
}

std::size_t llama3_length(std::string_view text, std::size_t most_digits) {
  if (const std::size_t length = contraction_length(text, true); length > 0) return length;
  const Char first = char_at(text, 0);
  if (first.char_class == CharClass::letter) return run_end(text, 0, CharClass::letter);
  if (first.char_class == CharClass::number) return number_length(text, most_digits);
  const Char second = char_at(text, first.bytes);
  if (!is_line_end(first.value) && second.char_class == CharClass::letter) {
    return run_end(text, first.bytes, CharClass::letter);
  }
  const std::size_t begin = first.value == ' ' ? 1 : 0;
  const Char visible = begin == 0 ? first : second;
  if (visible.char_class == CharClass::other) {
    return line_ends_end(text, run_end(text, begin, CharClass::other));
  }
  if (const std::size_t length = to_last_line_end(text); length > 0) return length;
  return spaces_length(text);
}

std::size_t clip_length(std::string_view text, bool& is_gap) {
  for (const std::string_view special : {"<|startoftext|>", "<|endoftext|>"}) {
    if (text.substr(0, special.size()) == special) return special.size();
  }
  if (const std::size_t length = contraction_length(text, false); length > 0) return length;
  const Char first = char_at(text, 0);
  is_gap = first.char_class == CharClass::separator;
  if (first.char_class == CharClass::number) return first.bytes;
  return run_end(text, 0, first.char_class);
}

}  // namespace

std::optional<SplitPattern> split_pattern(std::string_view regex) {
  struct Known {
    std::string_view regex;
    SplitPattern pattern;
  };
  static constexpr std::array<Known, 4> kKnown = {{
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       SplitPattern::gpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitPattern::llama3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitPattern::qwen2},
      {R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
       SplitPattern::clip},
  }};
  for (const Known& known : kKnown) {
    if (known.regex == regex) return known.pattern;
  }
  return std::nullopt;
}

std::size_t next_piece(SplitPattern pattern, std::string_view text, bool& is_gap) {
  is_gap = false;
  switch (pattern) {
    case SplitPattern::gpt2:
      return gpt2_length(text);
    case SplitPattern::llama3:
      return llama3_length(text, 3);
    case SplitPattern::qwen2:
      return llama3_length(text, 1);
    case SplitPattern::clip:
      return clip_length(text, is_gap);
  }
  return text.size();
}

}  // namespace millrace
