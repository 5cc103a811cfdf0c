#pragma once

#include <cstdint>
#include <span>

#include "millrace/transforms/text/code_point_table-inl.h"
#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

// Sorted and disjoint; tokenizers_tables.cpp, which make_tokenizers_tables.py writes.
extern const std::span<const CodePointRange> kTokenizersLetterRanges;
extern const std::span<const CodePointRange> kTokenizersNumberRanges;
extern const std::span<const CodePointRange> kTokenizersSpaceRanges;
/// Marks and composed characters that its NFC does not know: they are left where they are.
extern const std::span<const CodePointRange> kTokenizersUnknownRanges;
extern const std::span<const LowerRun> kTokenizersLowerRuns;  ///< without U+0130

/// Unicode as Hugging Face's tokenizers sees it, which is of other versions than UnicodeProperties.
/// Immutable.
class TokenizersUnicode {
 public:
  /// Built at the first call; thread-safe.
  static const TokenizersUnicode& instance();

  CharClass char_class(char32_t c) const { return static_cast<CharClass>(bits_[c] & kClassMask); }
  /// Of one character, whatever stands beside it; U+0130, which becomes two, comes back as it is.
  char32_t lower(char32_t c) const { return (bits_[c] & kLowerBit) != 0 ? run_lower(c) : c; }

 private:
  static constexpr std::uint8_t kClassMask = 3;
  static constexpr std::uint8_t kLowerBit = 4;

  TokenizersUnicode();
  static char32_t run_lower(char32_t c);

  CodePointTable<std::uint8_t> bits_;
};

}  // namespace millrace
