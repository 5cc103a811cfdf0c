#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/transforms/text/code_point_table-inl.h"
#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

/// One step: `composed` is canonically equivalent to `first`, and `second` where that is not 0.
struct Decomposition {
  char32_t composed;
  char32_t first;
  char32_t second = 0;
};

/// Code points of one canonical combining class.
struct CombiningClassRun {
  char32_t first;
  char32_t last;
  std::uint8_t combining_class;
};

// Sorted; normalization_tables.cpp, which make_normalization_tables.py writes. Without Hangul.
extern const std::span<const Decomposition> kCompositions;  ///< NFC makes `composed` of these
extern const std::span<const Decomposition> kOtherDecompositions;  ///< and takes these apart
extern const std::span<const CombiningClassRun> kCombiningClasses;

/// Unicode's canonical composition (NFC, Unicode Standard Annex 15), of Unicode 14.0 as Python
/// 3.11's unicodedata. Immutable.
class UnicodeNormalization {
 public:
  /// Built at the first call; thread-safe.
  static const UnicodeNormalization& instance();
  /// As the NFC of Hugging Face's tokenizers, which is of an older version.
  static const UnicodeNormalization& of_tokenizers();

  /// Whether a text of such characters alone is in NFC.
  bool is_inert(char32_t c) const { return (info_[c] & kActive) == 0; }
  /// Makes `text` its NFC; `scratch` is for the work.
  void compose(std::u32string& text, std::u32string& scratch) const;

 private:
  struct Pair {
    std::uint64_t key = 0;
    char32_t composed = 0;
  };
  static constexpr std::uint16_t kClassMask = 0xFF;
  static constexpr std::uint16_t kActive = 0x100;
  static constexpr std::uint16_t kDecomposes = 0x200;
  static constexpr unsigned kPairBits = 11;

  /// `unknown` is neither ordered by class nor composed.
  explicit UnicodeNormalization(std::span<const CodePointRange> unknown);
  std::uint8_t combining_class(char32_t c) const {
    return static_cast<std::uint8_t>(info_[c] & kClassMask);
  }
  void append_decomposed(char32_t c, std::u32string& out) const;
  void order(std::u32string& text) const;
  char32_t composed(char32_t first, char32_t second) const;  ///< 0: they do not compose
  /// Where `key` is, or would be.
  std::size_t pair_slot(std::uint64_t key) const;

  CodePointTable<std::uint16_t> info_;
  std::vector<Decomposition> decompositions_;  ///< sorted by `composed`
  std::vector<Pair> pairs_;
};

}  // namespace millrace
