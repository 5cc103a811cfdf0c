#include "millrace/formats/tables/json_token.h"

#include <cstring>

#include "millrace/formats/plain_text.h"

namespace millrace::json {

namespace {

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

// RFC 8259, section 6.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t integer_digits = digits_at(text, at);
  if (integer_digits == 0 || (integer_digits > 1 && text[at] == '0')) return false;
  at += integer_digits;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction_digits = digits_at(text, at + 1);
    if (fraction_digits == 0) return false;
    at += 1 + fraction_digits;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent_digits = digits_at(text, at);
    if (exponent_digits == 0) return false;
    at += exponent_digits;
  }
  return at == text.size();
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

bool is_scalar_token(std::string_view token) {
  return token == "null" || token == "true" || token == "false" || is_number(token);
}

bool escapes_are_valid(const char* text) {
  for (; *text != '"'; ++text) {
    if (*text != '\\') continue;
    ++text;
    if (*text == 'u') {
      for (int digit = 0; digit < 4; ++digit) {
        if (!is_hex(*++text)) return false;
      }
    } else if (*text == '\0' || std::strchr("\"\\/bfnrt", *text) == nullptr) {
      return false;
    }
  }
  return true;
}

}  // namespace millrace::json
