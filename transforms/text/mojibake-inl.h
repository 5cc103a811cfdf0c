#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/transforms/text/code_point_table-inl.h"

namespace millrace {

/// A limit to work that a hostile text could make endless, in characters looked at.
class WorkBudget {
 public:
  explicit WorkBudget(std::size_t characters) : left_(characters) {}
  /// Whether `characters` more may be looked at; takes them if so.
  bool take(std::size_t characters) {
    if (characters > left_) return false;
    left_ -= characters;
    return true;
  }

 private:
  std::size_t left_;
};

/// What mojibake detection and repair ask of a character. Immutable.
class MojibakeTraits {
 public:
  /// Built at the first call; thread-safe.
  static const MojibakeTraits& instance();

  // What the character could be of UTF-8 that was read in a single-byte encoding.
  static constexpr std::uint16_t kFirst2 = 0x100;
  static constexpr std::uint16_t kFirst3 = 0x200;
  static constexpr std::uint16_t kFirst4 = 0x400;
  static constexpr std::uint16_t kContinuation = 0x800;
  static constexpr std::uint16_t kStrictContinuation = 0x1000;

  bool is(char32_t c, std::uint16_t what) const { return (traits_[c] & what) != 0; }
  std::uint8_t badness_atom(char32_t c) const { return static_cast<std::uint8_t>(traits_[c]); }

  /// The single-byte encodings that have the character, one bit each in ftfy's order.
  std::uint16_t encodings(char32_t c) const;
  /// Its byte in the encoding of that number, which must have it.
  std::uint8_t byte(char32_t c, unsigned encoding) const;

 private:
  struct Bytes {
    char32_t c;
    std::uint16_t encodings;
    std::array<std::uint8_t, 10> bytes;
  };

  MojibakeTraits();
  const Bytes* find_bytes(char32_t c) const;

  CodePointTable<std::uint16_t> traits_;
  std::vector<Bytes> bytes_;  ///< sorted, of characters from U+0080 on
};

/// ftfy's badness heuristic, a character at a time: whether text looks garbled.
class BadnessScan {
 public:
  BadnessScan();
  /// True once what was seen looks garbled.
  bool see(std::uint8_t atom);
  void restart();

 private:
  std::uint8_t state_;
};
bool is_bad(std::u32string_view text);

/// ftfy's fix_encoding: text of UTF-8 (or of Windows-1252) that was read in another single-byte
/// encoding, perhaps several times over, or with bytes lost. Holds scratch: one a thread.
class MojibakeRepair {
 public:
  void repair(std::u32string& text, WorkBudget& budget);

 private:
  bool repair_once(std::u32string& text, WorkBudget& budget);
  bool decode_whole(std::u32string_view text, unsigned encoding);
  static std::size_t utf8_like_length(std::u32string_view text, std::size_t at);
  bool decode_parts(std::u32string& text, WorkBudget& budget);

  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint8_t> other_bytes_;
  std::u32string decoded_;
};

/// The Windows-1252 character in the place of a C1 control; five of them stand for themselves.
char32_t instead_of_c1(char32_t c);

}  // namespace millrace
