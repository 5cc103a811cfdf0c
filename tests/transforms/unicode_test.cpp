#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "millrace/transforms/text/unicode-inl.h"
#include "reference_data.h"

using millrace::CharClass;
using millrace::UnicodeProperties;

namespace {

constexpr char32_t kCodePoints = 0x110000;
bool is_surrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

std::vector<bool> members(std::span<const millrace::CodePointRange> ranges) {
  std::vector<bool> result(kCodePoints);
  for (const auto& range : ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) result[c] = !is_surrogate(c);
  }
  return result;
}

std::vector<bool> members(simdjson::dom::element ranges) {
  std::vector<bool> result(kCodePoints);
  for (const auto range : ranges.get_array()) {
    const std::uint64_t first = range.at(0).get_uint64();
    const std::uint64_t last = range.at(1).get_uint64();
    for (std::uint64_t c = first; c <= last; ++c) result[c] = true;
  }
  return result;
}

}  // namespace

TEST_CASE("each code point survives encoding and decoding from both ends") {
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (is_surrogate(c)) continue;
    char bytes[4];
    const std::string_view text(bytes, millrace::encode_utf8(c, bytes));
    const millrace::Utf8Char first = millrace::decode_first(text);
    const millrace::Utf8Char last = millrace::decode_last(text);
    REQUIRE(first.value == c);
    REQUIRE(first.bytes == text.size());
    REQUIRE(last.value == c);
    REQUIRE(last.bytes == text.size());
  }
}

TEST_CASE("the unfolded tables say what the ranges say") {
  const UnicodeProperties& properties = UnicodeProperties::instance();
  const auto letters = members(millrace::kLetterRanges);
  const auto numbers = members(millrace::kNumberRanges);
  const auto spaces = members(millrace::kSpaceRanges);
  const auto unmatched = members(millrace::kUnmatchedRanges);
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (is_surrogate(c)) continue;
    CAPTURE(static_cast<std::uint32_t>(c));
    CharClass expected = CharClass::other;
    if (letters[c]) expected = CharClass::letter;
    if (numbers[c]) expected = CharClass::number;
    if (spaces[c] || unmatched[c]) expected = CharClass::separator;
    REQUIRE(properties.char_class(c) == expected);
    REQUIRE(properties.is_space(c) == spaces[c]);
  }
}

TEST_CASE("every second letter of a run is lowered, the others are lower case") {
  const UnicodeProperties& properties = UnicodeProperties::instance();
  CHECK(properties.lower(0x100) == 0x101);
  CHECK(properties.lower(0x101) == 0x101);
  CHECK(properties.lower('A') == 'a');
  CHECK(properties.lower('a') == 'a');
  CHECK(properties.lower(0x1E9E) == 0xDF);
  CHECK(properties.lower(0x10400) == 0x10428);
  CHECK(properties.lower(0x130) == 0x130);
}

TEST_CASE("blank is what Python's strip leaves nothing of") {
  CHECK(millrace::is_blank(""));
  CHECK(millrace::is_blank(" \t\r\n\x1C\xC2\x85\xC2\xA0\xE2\x80\xA8\xE3\x80\x80"));
  CHECK_FALSE(millrace::is_blank(" a"));
  CHECK_FALSE(millrace::is_blank("\xE2\x80\x8B"));
  CHECK_FALSE(millrace::is_blank("\xCD\x85"));
  CHECK_FALSE(millrace::is_blank("\xFF"));
  CHECK_FALSE(millrace::is_blank(std::string_view("\0", 1)));
}

TEST_CASE("the tables are those of Python's str and of the regex package") {
  const auto data = millrace::test::reference_data("the Unicode tables of the reference");
  if (!data) return;
  simdjson::dom::parser parser;
  const simdjson::dom::element tables =
      parser.load((*data / "clip_tokenizer" / "unicode_tables.json").string());
  CHECK(members(tables["regex_L"]) == members(millrace::kLetterRanges));
  CHECK(members(tables["regex_N"]) == members(millrace::kNumberRanges));
  CHECK(members(tables["py_isspace"]) == members(millrace::kSpaceRanges));
  CHECK(members(tables["sigma_cased"]) == members(millrace::kCasedRanges));
  CHECK(members(tables["sigma_case_ignorable"]) == members(millrace::kCaseIgnorableRanges));

  std::vector<char32_t> lower(kCodePoints);
  for (char32_t c = 0; c < kCodePoints; ++c) lower[c] = c;
  for (const auto mapping : tables["py_lower"].get_object()) {
    const auto from = std::stoul(std::string(mapping.key), nullptr, 16);
    const std::string_view to = mapping.value.get_string();
    if (from == millrace::kCapitalIWithDot || from == millrace::kCapitalSigma) continue;
    lower[from] = static_cast<char32_t>(std::stoul(std::string(to), nullptr, 16));
  }
  for (char32_t c = 0; c < kCodePoints; ++c) {
    if (!is_surrogate(c)) REQUIRE(UnicodeProperties::instance().lower(c) == lower[c]);
  }
}
