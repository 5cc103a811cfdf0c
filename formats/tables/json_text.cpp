#include "millrace/formats/tables/json_text.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include <simdjson.h>

namespace millrace {

namespace {

void append(std::string_view text, std::vector<std::uint8_t>& out) {
  out.insert(out.end(), text.begin(), text.end());
}

void append_utf8(std::uint32_t code, std::vector<std::uint8_t>& out) {
  const auto tail = [&](unsigned shift) {
    out.push_back(static_cast<std::uint8_t>(0x80U | ((code >> shift) & 0x3fU)));
  };
  if (code < 0x80) return out.push_back(static_cast<std::uint8_t>(code));
  if (code < 0x800) {
    out.push_back(static_cast<std::uint8_t>(0xc0U | (code >> 6U)));
    return tail(0);
  }
  if (code < 0x10000) {
    out.push_back(static_cast<std::uint8_t>(0xe0U | (code >> 12U)));
  } else {
    out.push_back(static_cast<std::uint8_t>(0xf0U | (code >> 18U)));
    tail(12);
  }
  tail(6);
  tail(0);
}

// Of the escape `\uXXXX` at the front.
std::uint32_t code_unit(std::string_view escape) {
  std::uint32_t code = 0;
  std::from_chars(escape.data() + 2, escape.data() + 6, code, 16);
  return code;
}

char plain_escape(char letter) {
  constexpr std::string_view kLetters = "bfnrt";
  constexpr std::string_view kMeanings = "\b\f\n\r\t";
  const std::size_t found = kLetters.find(letter);
  return found == std::string_view::npos ? letter : kMeanings[found];
}

}  // namespace

void append_json_string(std::string_view text, std::vector<std::uint8_t>& json) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  json.push_back('"');
  while (!text.empty()) {
    const auto plain_end = std::find_if(text.begin(), text.end(), [](char c) {
      return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    json.insert(json.end(), text.begin(), plain_end);
    if (plain_end == text.end()) break;
    const char c = *plain_end;
    if (c == '"' || c == '\\') {
      append({"\\", 1}, json);
      json.push_back(static_cast<std::uint8_t>(c));
    } else {
      append("\\u00", json);
      json.push_back(static_cast<std::uint8_t>(kDigits[static_cast<unsigned char>(c) >> 4U]));
      json.push_back(static_cast<std::uint8_t>(kDigits[static_cast<unsigned char>(c) & 15U]));
    }
    text.remove_prefix(static_cast<std::size_t>(plain_end - text.begin()) + 1);
  }
  json.push_back('"');
}

bool append_unescaped(std::string_view written, std::vector<std::uint8_t>& text) {
  std::string_view rest = written.substr(1, written.size() - 2);
  while (true) {
    const std::size_t escape = std::min(rest.find('\\'), rest.size());
    append(rest.substr(0, escape), text);
    rest.remove_prefix(escape);
    if (rest.empty()) return true;
    if (rest[1] != 'u') {
      text.push_back(static_cast<std::uint8_t>(plain_escape(rest[1])));
      rest.remove_prefix(2);
      continue;
    }
    std::uint32_t code = code_unit(rest);
    rest.remove_prefix(6);
    if (code >= 0xdc00 && code < 0xe000) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (!rest.starts_with("\\u")) return false;
      const std::uint32_t low = code_unit(rest);
      if (low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
      rest.remove_prefix(6);
    }
    append_utf8(code, text);
  }
}

std::size_t first_bad_utf8(std::string_view text) {
  const auto is_good = [&](std::size_t begin, std::size_t end) {
    return simdjson::validate_utf8(text.data() + begin, end - begin);
  };
  const auto is_tail = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80;
  };
  if (is_good(0, text.size())) return std::string_view::npos;
  // Halves the stretch that holds the first bad place, cut between characters only.
  constexpr std::size_t kFewBytes = 16;
  std::size_t begin = 0;
  std::size_t end = text.size();
  while (end - begin > kFewBytes) {
    std::size_t middle = begin + (end - begin) / 2;
    for (int step = 0; step < 3 && is_tail(middle); ++step) --middle;
    (is_good(begin, middle) ? begin : end) = middle;
  }
  while (true) {
    const auto lead = static_cast<unsigned char>(text[begin]);
    const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() - begin < length || !is_good(begin, begin + length)) return begin;
    begin += length;
  }
}

}  // namespace millrace
