#include "check/html_text.h"

#include <cstddef>

#include "millrace/loader/json.h"

namespace millrace::cli {

namespace {

void append_escaped(std::string& text, unsigned char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// U+202A to U+202E and U+2066 to U+2069.
bool turns_direction(std::string_view text) {
  if (text.size() < 3 || text[0] != '\xE2') return false;
  const auto last = static_cast<unsigned char>(text[2]);
  return (text[1] == '\x80' && last >= 0xAA && last <= 0xAE) ||
         (text[1] == '\x81' && last >= 0xA6 && last <= 0xA9);
}

}  // namespace

std::string html_text(std::string_view text) {
  const std::string printable = printable_utf8(text);
  const std::string_view all = printable;
  std::string html;
  html.reserve(all.size() + all.size() / 8);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto c = static_cast<unsigned char>(all[i]);
    const bool c1 =
        c == 0xC2 && i + 1 < all.size() && static_cast<unsigned char>(all[i + 1]) < 0xA0;
    if (c1) {
      append_escaped(html, static_cast<unsigned char>(all[++i]));
    } else if (turns_direction(all.substr(i))) {
      for (const char byte : all.substr(i, 3))
        append_escaped(html, static_cast<unsigned char>(byte));
      i += 2;
    } else if (c == '&') {
      html += "&amp;";
    } else if (c == '<') {
      html += "&lt;";
    } else if (c == '>') {
      html += "&gt;";
    } else if (c == '"') {
      html += "&quot;";
    } else if (c == '\'') {
      html += "&#39;";
    } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      append_escaped(html, c);
    } else {
      html += all[i];
    }
  }
  return html;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0U);
    }
    text += kDigits[group >> 18];
    text += kDigits[group >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return text;
}

}  // namespace millrace::cli
