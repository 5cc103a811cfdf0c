#include "millrace/transforms/tokenizers/file_description-inl.h"

#include <cstdint>

namespace millrace {

namespace {

/// FNV-1a, 64 bits: tells files apart, no more.
std::string content_hash(std::string_view content) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : content) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3U;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[hash >> shift & 0xFU];
  return text;
}

std::string json_text(std::string_view text) {
  std::string json = "\"";
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : text) {
    if (static_cast<std::uint8_t>(c) < 0x20) {
      json += "\\u00";
      json += kDigits[static_cast<std::uint8_t>(c) >> 4U];
      json += kDigits[static_cast<std::uint8_t>(c) & 0xFU];
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + "\"";
}

}  // namespace

std::string describe_file(std::string_view type, std::string_view name, std::string_view content) {
  return R"({"type":")" + std::string(type) + R"(","file":)" + json_text(name) + R"(,"content":")" +
         content_hash(content) + "\"";
}

}  // namespace millrace
