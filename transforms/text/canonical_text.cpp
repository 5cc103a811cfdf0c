#include "millrace/transforms/text/canonical_text-inl.h"

#include <algorithm>
#include <array>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

void append_character(char32_t c, std::string& out) {
  std::array<char, 4> utf8{};
  out.append(utf8.data(), encode_utf8(c, utf8.data()));
}

}  // namespace

void remove_punctuation(std::string_view text, bool keeps_words_apart, std::string& out) {
  constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  out.clear();
  for (const char c : text) {
    if (c == '_' && keeps_words_apart) {
      out += ' ';
    } else if (kPunctuation.find(c) == std::string_view::npos) {
      out += c;
    }
  }
}

void lower_text(std::string_view text, std::string& out) {
  const UnicodeProperties& properties = UnicodeProperties::instance();
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const char byte = text[at];
    if (static_cast<signed char>(byte) >= 0) {
      out += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
      ++at;
      continue;
    }
    const Utf8Char c = decode_first(text.substr(at));
    if (c.value == kCapitalIWithDot) {
      append_character('i', out);
      append_character(kCombiningDotAbove, out);
    } else if (c.value == kCapitalSigma) {
      append_character(properties.lower_sigma(text, at), out);
    } else {
      append_character(properties.lower(c.value), out);
    }
    at += c.bytes;
  }
}

void collapse_spaces(std::string_view text, std::string& out) {
  const UnicodeProperties& properties = UnicodeProperties::instance();
  out.clear();
  bool is_apart = false;
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    if (properties.is_space(c.value)) {
      is_apart = !out.empty();
    } else {
      if (is_apart) out += ' ';
      is_apart = false;
      out.append(text.substr(0, c.bytes));
    }
    text.remove_prefix(c.bytes);
  }
}

std::string_view valid_utf8(std::string_view text, std::string& out) {
  const auto is_ascii = [](char c) { return static_cast<signed char>(c) >= 0; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return text;
  out.clear();
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    append_character(c.value, out);
    text.remove_prefix(c.bytes);
  }
  return out;
}

}  // namespace millrace
