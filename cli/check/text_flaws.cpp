#include "check/text_flaws.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <simdjson.h>

namespace millrace::cli {

namespace {

enum Trait : std::uint8_t { kPlain = 0, kControl = 1, kHigh = 2, kMarkup = 4 };

constexpr auto kTraits = [] {
  std::array<std::uint8_t, 256> traits{};
  for (std::size_t c = 0; c < traits.size(); ++c) {
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') traits[c] = kControl;
    if (c == 0x7F) traits[c] = kControl;
    if (c == '&' || c == '<') traits[c] = kMarkup;
    if (c >= 0x80) traits[c] = kHigh;
  }
  return traits;
}();

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool has_markup(std::string_view text) {
  constexpr std::string_view kSigns[] = {"&amp;", "&lt;",   "&gt;", "&quot;", "&nbsp;",
                                         "&#",    "&apos;", "</",   "<br",    "<p>"};
  for (const std::string_view sign : kSigns) {
    if (has(text, sign)) return true;
  }
  return false;
}

// Of a character in two bytes.
std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
}

// `at` is the lead byte C3 of U+00C0 to U+00FF, the lead bytes of UTF-8 read as characters; a
// continuation byte read so is U+0080 to U+00BF, or what Windows-1252 has in its place.
bool begins_mojibake(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at + 1);
  const std::uint8_t next = byte_at(text, at + 2);
  const std::uint8_t last = byte_at(text, at + 3);
  const bool latin1_continuation = next == 0xC2 && last >= 0x80;
  switch (first) {
    case 0x82:  // U+00C2: two bytes, U+0080 to U+00BF
    case 0x83:  // U+00C3: two bytes, U+00C0 to U+00FF
      return latin1_continuation;
    case 0xA2:  // U+00E2: punctuation, E2 80 ..; 80 is the euro sign in Windows-1252
      return (next == 0xE2 && last == 0x82 && byte_at(text, at + 4) == 0xAC) ||
             (next == 0xC2 && last == 0x80);
    case 0xB0:  // U+00F0: emoji, F0 9F ..; 9F is U+0178 there
      return (next == 0xC5 && last == 0xB8) || (next == 0xC2 && last == 0x9F);
    default:
      return false;
  }
}

}  // namespace

TextFlaws find_text_flaws(std::string_view text) {
  std::uint8_t traits = 0;
  for (const char c : text) traits |= kTraits[static_cast<std::uint8_t>(c)];
  TextFlaws flaws;
  flaws.control_character = (traits & kControl) != 0;
  flaws.markup = (traits & kMarkup) != 0 && has_markup(text);
  if ((traits & kHigh) == 0) return flaws;
  flaws.invalid_utf8 = !simdjson::validate_utf8(text.data(), text.size());
  if (flaws.invalid_utf8) return flaws;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const std::uint8_t c = byte_at(text, i);
    if (c == 0xC2 && byte_at(text, i + 1) < 0xA0) flaws.control_character = true;
    if (c == 0xC3 && begins_mojibake(text, i)) flaws.mojibake = true;
  }
  flaws.replacement_character = has(text, "\xEF\xBF\xBD");
  // The halves of what was read wrongly are C1 characters.
  if (flaws.mojibake) flaws.control_character = (traits & kControl) != 0;
  return flaws;
}

}  // namespace millrace::cli
