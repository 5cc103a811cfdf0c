#include <algorithm>
#include <iterator>
#include <vector>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

}  // namespace

Utf8Char decode_first(std::string_view text) {
  const std::uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  // Table 3-7 of the Unicode standard: only the second byte's range depends on the first.
  std::uint32_t length = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  char32_t value = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    value = lead & 0x1FU;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    value = lead & 0x0FU;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    value = lead & 0x07U;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {kReplacement, 1};
  }
  for (std::uint32_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {kReplacement, i};
    const std::uint8_t next = byte_at(text, i);
    if (next < low || next > high) return {kReplacement, i};
    value = value << 6 | (next & 0x3FU);
    low = 0x80;
    high = 0xBF;
  }
  return {value, length};
}

Utf8Char decode_last(std::string_view text) {
  const std::size_t longest = std::min<std::size_t>(4, text.size());
  for (std::uint32_t length = 1; length <= longest; ++length) {
    const std::string_view tail = text.substr(text.size() - length);
    if ((byte_at(tail, 0) & 0xC0U) == 0x80) continue;
    const Utf8Char found = decode_first(tail);
    if (found.bytes == length) return found;
    break;
  }
  return {kReplacement, 1};
}

std::size_t encode_utf8(char32_t value, char* out) {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80U | (value >> shift & 0x3FU));
  };
  if (value < 0x80) {
    out[0] = static_cast<char>(value);
    return 1;
  }
  if (value < 0x800) {
    out[0] = static_cast<char>(0xC0U | value >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (value < 0x10000) {
    out[0] = static_cast<char>(0xE0U | value >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0U | value >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

const UnicodeProperties& UnicodeProperties::instance() {
  // Never destroyed: threads may still encode while the process ends.
  static const auto* const properties = new UnicodeProperties();
  return *properties;
}

UnicodeProperties::UnicodeProperties() {
  std::vector<std::uint8_t> flat(CodePointTable<std::uint8_t>::kCodePoints,
                                 static_cast<std::uint8_t>(CharClass::other));
  const auto set_class = [&](std::span<const CodePointRange> ranges, CharClass value,
                             std::uint8_t more) {
    const auto bits = static_cast<std::uint8_t>(static_cast<std::uint8_t>(value) | more);
    for (const auto& [first, last] : ranges) {
      std::fill(flat.begin() + first, flat.begin() + last + 1, bits);
    }
  };
  const auto add_bit = [&](std::span<const CodePointRange> ranges, std::uint8_t bit) {
    for (const auto& [first, last] : ranges) {
      for (char32_t c = first; c <= last; ++c) flat[c] |= bit;
    }
  };
  set_class(kLetterRanges, CharClass::letter, 0);
  set_class(kNumberRanges, CharClass::number, 0);
  set_class(kSpaceRanges, CharClass::separator, kSpaceBit);
  set_class(kUnmatchedRanges, CharClass::separator, 0);
  add_bit(kCasedRanges, kCasedBit);
  add_bit(kCaseIgnorableRanges, kCaseIgnorableBit);
  for (const LowerRun& run : kLowerRuns) {
    for (char32_t c = run.first; c <= run.last; c += run.step) flat[c] |= kLowerBit;
  }

  bits_ = CodePointTable<std::uint8_t>(flat);
}

char32_t UnicodeProperties::run_lower(char32_t c) {
  const auto after =
      std::upper_bound(kLowerRuns.begin(), kLowerRuns.end(), c,
                       [](char32_t value, const LowerRun& run) { return value < run.first; });
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + std::prev(after)->difference);
}

char32_t UnicodeProperties::lower_sigma(std::string_view text, std::size_t at) const {
  constexpr std::size_t kSigmaBytes = 2;
  bool after_cased = false;
  for (std::size_t end = at; end > 0;) {
    const Utf8Char before = decode_last(text.substr(0, end));
    if ((bits(before.value) & kCaseIgnorableBit) == 0) {
      after_cased = (bits(before.value) & kCasedBit) != 0;
      break;
    }
    end -= before.bytes;
  }
  if (!after_cased) return kSigma;
  for (std::size_t begin = at + kSigmaBytes; begin < text.size();) {
    const Utf8Char next = decode_first(text.substr(begin));
    if ((bits(next.value) & kCaseIgnorableBit) == 0) {
      return (bits(next.value) & kCasedBit) != 0 ? kSigma : kFinalSigma;
    }
    begin += next.bytes;
  }
  return kFinalSigma;
}

bool is_blank(std::string_view text) {
  const UnicodeProperties& properties = UnicodeProperties::instance();
  while (!text.empty()) {
    const Utf8Char next = decode_first(text);
    if (!properties.is_space(next.value)) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

}  // namespace millrace
