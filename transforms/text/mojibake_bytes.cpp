#include "millrace/transforms/text/mojibake_bytes-inl.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t kSpaceByte = 0x20;
constexpr std::uint8_t kNoBreakSpaceByte = 0xA0;
constexpr std::uint8_t kLost = 0x1A;

bool within(std::uint8_t byte, std::uint8_t low, std::uint8_t high) {
  return byte >= low && byte <= high;
}
bool continues(std::uint8_t byte) { return within(byte, 0x80, 0xBF); }
// In sequences of three bytes a line end and a no-break space are too likely to be themselves.
bool continues_likely(std::uint8_t byte) {
  return continues(byte) && byte != 0x85 && byte != kNoBreakSpaceByte;
}
bool is_lost(std::uint8_t byte) { return byte == kLost || byte == '?'; }
bool continues_or_lost(std::uint8_t byte) { return continues(byte) || byte == kLost; }

std::uint8_t at(Bytes bytes, std::size_t i) { return i < bytes.size() ? bytes[i] : 0; }

/// The "à" that is a word of its own, its second byte now a space that also ends the word. Not the
/// Portuguese words that begin so.
bool is_a_grave_word(Bytes bytes) {
  static constexpr std::array<std::string_view, 5> kExceptions = {" ", "quele", "quela", "quilo",
                                                                  "s "};
  if (at(bytes, 0) != 0xC3 || at(bytes, 1) != kSpaceByte) return false;
  const std::string_view after(reinterpret_cast<const char*>(bytes.data()) + 2, bytes.size() - 2);
  return std::none_of(kExceptions.begin(), kExceptions.end(), [&](std::string_view exception) {
    return after.substr(0, exception.size()) == exception;
  });
}

/// How many bytes at the front would be a character if a space among them were 0xA0; 0: none.
std::size_t altered_length(Bytes bytes) {
  static constexpr std::array<std::uint8_t, 6> kFirstOfTwo = {0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9};
  const std::uint8_t first = at(bytes, 0);
  const std::uint8_t second = at(bytes, 1);
  const std::uint8_t third = at(bytes, 2);
  if (first < 0xC2 || first > 0xF0) return 0;
  if (second == kSpaceByte &&
      std::find(kFirstOfTwo.begin(), kFirstOfTwo.end(), first) != kFirstOfTwo.end()) {
    return 2;
  }
  if (within(first, 0xE2, 0xE3) && second == kSpaceByte && continues_likely(third)) return 3;
  if (within(first, 0xE0, 0xE3) && continues_likely(second) && third == kSpaceByte) return 3;
  if (first != 0xF0 || bytes.size() < 4) return 0;
  std::size_t spaces = 0;
  for (const std::uint8_t byte : bytes.subspan(1, 3)) {
    if (byte == kSpaceByte) {
      ++spaces;
    } else if (!continues(byte)) {
      return 0;
    }
  }
  return spaces == 1 ? 4 : 0;
}

/// Half of a surrogate pair's second three bytes: ED B0..BF.
bool is_low_surrogate(std::uint8_t first, std::uint8_t second) {
  return first == 0xED && within(second, 0xB0, 0xBF);
}

std::size_t lossy_length(Bytes bytes) {
  const std::uint8_t first = at(bytes, 0);
  const std::uint8_t second = at(bytes, 1);
  if (first == kLost) return 1;
  if (within(first, 0xC2, 0xDF) && second == kLost) return 2;
  if (within(first, 0xC2, 0xC3) && second == '?') return 2;
  if (first < 0xE0 || first > 0xF4 || bytes.size() < 3) return 0;
  const std::uint8_t third = bytes[2];
  if (first == 0xED && within(second, 0xA0, 0xAF) && bytes.size() >= 6 &&
      is_low_surrogate(bytes[3], bytes[4])) {
    const std::uint8_t last = bytes[5];
    if (is_lost(third) && (is_lost(last) || continues(last))) return 6;
    if (continues(third) && is_lost(last)) return 6;
  }
  if (first <= 0xEF) {
    if (is_lost(second) && continues_or_lost(third)) return 3;
    if (continues_or_lost(second) && is_lost(third)) return 3;
    return 0;
  }
  if (bytes.size() < 4) return 0;
  const std::uint8_t fourth = bytes[3];
  if (is_lost(second) && continues_or_lost(third) && continues_or_lost(fourth)) return 4;
  if (continues_or_lost(second) && is_lost(third) && continues_or_lost(fourth)) return 4;
  if (continues_or_lost(second) && continues_or_lost(third) && is_lost(fourth)) return 4;
  return 0;
}

}  // namespace

void restore_byte_a0(std::vector<std::uint8_t>& bytes, std::vector<std::uint8_t>& scratch) {
  scratch.clear();
  const Bytes all(bytes);
  for (std::size_t i = 0; i < all.size();) {
    if (is_a_grave_word(all.subspan(i))) {
      scratch.insert(scratch.end(), {0xC3, kNoBreakSpaceByte, kSpaceByte});
      i += 2;
    } else {
      scratch.push_back(all[i++]);
    }
  }
  bytes.swap(scratch);
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = altered_length(Bytes(bytes).subspan(i));
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(i);
    std::replace(begin, begin + static_cast<std::ptrdiff_t>(length), kSpaceByte, kNoBreakSpaceByte);
    i += std::max<std::size_t>(length, 1);
  }
}

void replace_lossy_sequences(std::vector<std::uint8_t>& bytes, std::vector<std::uint8_t>& scratch) {
  scratch.clear();
  const Bytes all(bytes);
  for (std::size_t i = 0; i < all.size();) {
    const std::size_t length = lossy_length(all.subspan(i));
    if (length > 0) {
      scratch.insert(scratch.end(), {0xEF, 0xBF, 0xBD});
      i += length;
    } else {
      scratch.push_back(all[i++]);
    }
  }
  bytes.swap(scratch);
}

bool decode_utf8_variants(Bytes bytes, std::u32string& out) {
  constexpr std::string_view kReplacementBytes = "\xEF\xBF\xBD";
  out.clear();
  std::string_view left(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto byte = [&left](std::size_t i) {
    return i < left.size() ? static_cast<std::uint8_t>(left[i]) : std::uint8_t{0};
  };
  while (!left.empty()) {
    if (byte(0) == 0xC0 && byte(1) == 0x80) {
      out += U'\0';
      left.remove_prefix(2);
      continue;
    }
    if (byte(0) == 0xED && within(byte(1), 0xA0, 0xAF) && continues(byte(2)) &&
        is_low_surrogate(byte(3), byte(4)) && continues(byte(5))) {
      out.push_back(0x10000U + ((byte(1) & 0x0FU) << 16 | (byte(2) & 0x3FU) << 10 |
                                (byte(4) & 0x0FU) << 6 | (byte(5) & 0x3FU)));
      left.remove_prefix(6);
      continue;
    }
    const Utf8Char c = decode_first(left);
    if (c.value == kReplacement && left.substr(0, 3) != kReplacementBytes) return false;
    out += c.value;
    left.remove_prefix(c.bytes);
  }
  return true;
}

}  // namespace millrace
