#include "millrace/transforms/text/html_entities-inl.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

// The names are ASCII of this length at most; HTML 5's own longest is 31 with the semicolon.
constexpr std::size_t kLongestReference = 32;
constexpr char32_t kLastCodePoint = 0x10FFFF;

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_letter(char32_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_hex_digit(char32_t c) {
  return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}
char32_t digit_value(char32_t c) { return is_digit(c) ? c - '0' : (c | 0x20U) - 'a' + 10; }

const HtmlEntity* find_entity(std::span<const HtmlEntity> entities, std::u32string_view name) {
  std::array<char, kLongestReference + 2> ascii{};
  if (name.size() > ascii.size()) return nullptr;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] > 0x7F) return nullptr;
    ascii[i] = static_cast<char>(name[i]);
  }
  const std::string_view wanted(ascii.data(), name.size());
  const auto found =
      std::lower_bound(entities.begin(), entities.end(), wanted,
                       [](const HtmlEntity& a, std::string_view value) { return a.name < value; });
  return found != entities.end() && found->name == wanted ? &*found : nullptr;
}

void append_entity(const HtmlEntity& entity, std::u32string& out) {
  for (const char32_t c : {entity.first, entity.second, entity.third}) {
    if (c != 0) out += c;
  }
}

/// What HTML 5 makes of the number of a reference: nothing of noncharacters and most controls.
void append_numbered(char32_t number, std::u32string& out) {
  // Windows-1252's characters in the place of C1 controls; five bytes have none there.
  static constexpr std::array<char16_t, 32> kInsteadOfC1 = {
      0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
      0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
  if (number == 0 || (number >= 0xD800 && number <= 0xDFFF) || number > kLastCodePoint) {
    out += kReplacement;
    return;
  }
  if (number >= 0x80 && number <= 0x9F) {
    out += kInsteadOfC1[number - 0x80];
    return;
  }
  const bool is_control = (number >= 0x1 && number <= 0x8) || number == 0xB ||
                          (number >= 0xE && number <= 0x1F) || number == 0x7F;
  const bool is_noncharacter =
      (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFEU) == 0xFFFE;
  if (!is_control && !is_noncharacter) out += number;
}

/// Of a reference by number, `text` after its `&#`: how many characters its digits take (with the
/// x), and the number, kLastCodePoint + 1 for all that are larger. 0: it is none.
std::size_t read_number(std::u32string_view text, char32_t& number) {
  const bool is_hex = !text.empty() && (text[0] == 'x' || text[0] == 'X');
  std::size_t at = is_hex ? 1 : 0;
  const std::size_t begin = at;
  number = 0;
  for (; at < text.size() && (is_hex ? is_hex_digit(text[at]) : is_digit(text[at])); ++at) {
    number = std::min(number * (is_hex ? 16 : 10) + digit_value(text[at]), kLastCodePoint + 1);
  }
  return at == begin ? 0 : at;
}

/// A named reference, `text` after its `&`; returns how many characters of it are read.
std::size_t unescape_name(std::u32string_view text, std::u32string& out) {
  constexpr std::u32string_view kEnds = U"\t\n\f <&#;";
  std::size_t length = 0;
  while (length < text.size() && length < kLongestReference &&
         kEnds.find(text[length]) == std::u32string_view::npos) {
    ++length;
  }
  if (length == 0) {
    out += U'&';
    return 0;
  }
  if (length < text.size() && text[length] == ';') ++length;
  const std::u32string_view name = text.substr(0, length);
  if (const HtmlEntity* entity = find_entity(kHtml5Entities, name); entity != nullptr) {
    append_entity(*entity, out);
    return length;
  }
  for (std::size_t shorter = length - 1; shorter > 1; --shorter) {
    const HtmlEntity* entity = find_entity(kHtml5Entities, name.substr(0, shorter));
    if (entity == nullptr) continue;
    append_entity(*entity, out);
    out.append(name.substr(shorter));
    return length;
  }
  out += U'&';
  out.append(name);
  return length;
}

/// ftfy's rule for one reference, `text` after its `&`; 0 and nothing written where it leaves it.
std::size_t unescape_plain_entity(std::u32string_view text, std::u32string& out) {
  constexpr std::size_t kLongest = 24;
  const bool is_number = !text.empty() && text[0] == '#';
  const std::size_t begin = is_number ? 1 : 0;
  std::size_t end = begin;
  while (end < text.size() && end - begin < kLongest &&
         (is_digit(text[end]) || is_letter(text[end])))
    ++end;
  if (end == begin || end == text.size() || text[end] != ';') return 0;
  if (!is_number) {
    const std::u32string_view name = text.substr(0, end + 1);
    const HtmlEntity* entity = find_entity(kHtml5Entities, name);
    if (entity == nullptr) entity = find_entity(kCapitalEntities, name);
    if (entity == nullptr) return 0;
    append_entity(*entity, out);
    return end + 1;
  }
  char32_t number = 0;
  const std::size_t digits = read_number(text.substr(begin, end - begin), number);
  // A semicolon in what it stands for looks to ftfy as if the reference's own were left.
  if (digits != end - begin || number == ';') return 0;
  append_numbered(number, out);
  return end + 1;
}

}  // namespace

void unescape_html(std::u32string& text, std::u32string& scratch) {
  std::size_t at = text.find(U'&');
  if (at == std::u32string::npos) return;
  scratch.assign(text, 0, at);
  while (at < text.size()) {
    if (text[at] != U'&') {
      scratch += text[at++];
      continue;
    }
    const std::u32string_view after = std::u32string_view(text).substr(at + 1);
    at += 1;
    if (after.empty() || after[0] != U'#') {
      at += unescape_name(after, scratch);
      continue;
    }
    char32_t number = 0;
    const std::size_t digits = read_number(after.substr(1), number);
    if (digits == 0) {
      scratch += U'&';
      continue;
    }
    append_numbered(number, scratch);
    at += 1 + digits;
    if (at < text.size() && text[at] == U';') ++at;
  }
  text.swap(scratch);
}

void unescape_plain_entities(std::u32string& text, std::u32string& scratch) {
  std::size_t at = text.find(U'&');
  if (at == std::u32string::npos) return;
  scratch.assign(text, 0, at);
  while (at < text.size()) {
    if (text[at] == U'&') {
      const std::size_t read =
          unescape_plain_entity(std::u32string_view(text).substr(at + 1), scratch);
      if (read > 0) {
        at += 1 + read;
        continue;
      }
    }
    scratch += text[at++];
  }
  text.swap(scratch);
}

}  // namespace millrace
