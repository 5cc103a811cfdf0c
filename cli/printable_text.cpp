#include "printable_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace millrace::cli {

namespace {

std::uint32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) {
    return std::uint32_t{static_cast<unsigned char>(character[i])};
  };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
    case 3:
      return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    default:
      return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U |
             (byte(3) & 0x3FU);
  }
}

// Bidirectional controls (UAX #9) let a text look like another one.
bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::size_t utf8_character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

bool is_plain_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character_bytes(text.substr(i));
    const char c = text[i];
    const bool line = c == '\t' || c == '\n' || c == '\r';
    if (length == 0 || (!line && static_cast<unsigned char>(c) < 0x20)) return false;
    i += length;
  }
  return true;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character_bytes(text.substr(i));
    if (length == 0 || text[i] == '\0') return false;
    i += length;
  }
  return true;
}

std::string escaped_json(std::string_view json) {
  std::string result;
  std::array<char, 8> code{};
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t length = utf8_character_bytes(json.substr(i));
    const std::string_view character = json.substr(i, std::max<std::size_t>(length, 1));
    i += character.size();
    if (length > 0 && is_control(code_point(character))) {
      std::snprintf(code.data(), code.size(), "\\u%04X", code_point(character) & 0xFFFFU);
      result += code.data();
    } else {
      result += character;
    }
  }
  return result;
}

std::string escaped(std::string_view text, bool lines) {
  std::string result;
  std::array<char, 16> code{};
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character_bytes(text.substr(i));
    const std::string_view character = text.substr(i, std::max<std::size_t>(length, 1));
    i += character.size();
    if (length == 0 || (length == 1 && is_control(code_point(character)))) {
      if (lines && (character == "\n" || character == "\t")) {
        result += character;
        continue;
      }
      std::snprintf(code.data(), code.size(), "\\x%02X", static_cast<unsigned char>(character[0]));
      result += code.data();
    } else if (is_control(code_point(character))) {
      std::snprintf(code.data(), code.size(), "\\u{%X}", code_point(character));
      result += code.data();
    } else {
      result += character;
    }
  }
  return result;
}

}  // namespace millrace::cli
