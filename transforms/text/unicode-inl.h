#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/transforms/text/code_point_table-inl.h"

namespace millrace {

/// Inclusive.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

/// Every `step`-th code point from `first` to `last` has its lower case `difference` away.
struct LowerRun {
  char32_t first;
  char32_t last;
  std::uint32_t step;
  std::int32_t difference;
};

// Sorted and disjoint; unicode_tables.cpp, which make_unicode_tables.py writes.
extern const std::span<const CodePointRange> kLetterRanges;     ///< the regex package's \p{L}
extern const std::span<const CodePointRange> kNumberRanges;     ///< its \p{N}
extern const std::span<const CodePointRange> kSpaceRanges;      ///< what str.split splits at
extern const std::span<const CodePointRange> kUnmatchedRanges;  ///< what CLIP's pattern skips
extern const std::span<const CodePointRange> kCasedRanges;      ///< letters before a final sigma
extern const std::span<const CodePointRange> kCaseIgnorableRanges;  ///< what a sigma looks past
extern const std::span<const LowerRun> kLowerRuns;                  ///< without U+0130 and U+03A3

inline constexpr char32_t kReplacement = 0xFFFD;
inline constexpr char32_t kCapitalIWithDot = 0x130;
inline constexpr char32_t kCombiningDotAbove = 0x307;
inline constexpr char32_t kCapitalSigma = 0x3A3;
inline constexpr char32_t kFinalSigma = 0x3C2;
inline constexpr char32_t kSigma = 0x3C3;

/// One code point of UTF-8 and how many bytes it takes. Of invalid text, each maximal subpart
/// (Unicode 15, section 3.9, as Python's errors="replace") is one kReplacement.
struct Utf8Char {
  char32_t value;
  std::uint32_t bytes;
};

/// Needs text.size() > 0.
Utf8Char decode_first(std::string_view text);
/// The last code point of `text`, the same as decoding from the front finds it; in invalid text the
/// length may be shorter. Needs text.size() > 0.
Utf8Char decode_last(std::string_view text);
/// Writes 1 to 4 bytes; returns how many.
std::size_t encode_utf8(char32_t value, char* out);

/// What the pattern of CLIP's tokenizer distinguishes.
enum class CharClass : std::uint8_t { separator, letter, number, other };

/// The tables unfolded for lookup in constant time. Immutable.
class UnicodeProperties {
 public:
  /// Built at the first call; thread-safe.
  static const UnicodeProperties& instance();

  CharClass char_class(char32_t c) const { return static_cast<CharClass>(bits(c) & kClassMask); }
  bool is_space(char32_t c) const { return (bits(c) & kSpaceBit) != 0; }
  /// As str.lower of a single character, but for U+0130 (two characters) and U+03A3 (see
  /// lower_sigma), which come back as they are.
  char32_t lower(char32_t c) const { return (bits(c) & kLowerBit) != 0 ? run_lower(c) : c; }
  /// What the capital sigma at text[at, at + 2) becomes: a final sigma after a cased letter and not
  /// before one, case-ignorable characters aside. Linear over a text: sigmas are cased themselves.
  char32_t lower_sigma(std::string_view text, std::size_t at) const;

 private:
  static constexpr std::uint8_t kClassMask = 3;
  static constexpr std::uint8_t kCasedBit = 4;
  static constexpr std::uint8_t kCaseIgnorableBit = 8;
  static constexpr std::uint8_t kLowerBit = 16;
  static constexpr std::uint8_t kSpaceBit = 32;

  UnicodeProperties();
  std::uint8_t bits(char32_t c) const { return bits_[c]; }
  static char32_t run_lower(char32_t c);

  CodePointTable<std::uint8_t> bits_;
};

/// Whether nothing is left of `text` when white space is stripped.
bool is_blank(std::string_view text);

}  // namespace millrace
