#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

/// Code points that ftfy's expression for garbled text does not tell apart.
struct BadnessAtom {
  char32_t first;
  char32_t last;
  std::uint8_t atom;
};

/// What a single-byte encoding has for the bytes 0x80 to 0xFF.
using Charmap = std::array<char16_t, 128>;

/// ftfy takes a ligature apart, or gives a character its usual width: one to three code points.
struct Replacement {
  char32_t from;
  char32_t first;
  char32_t second = 0;
  char32_t third = 0;
};

// Written by make_ftfy_tables.py.

// The automaton: kBadnessNext[state * kBadnessAtomCount + atom]; it stays in kBadnessFound.
extern const std::size_t kBadnessAtomCount;
extern const std::uint8_t kUsualBadnessAtom;  ///< of the code points that kBadnessAtoms leaves out
extern const std::uint8_t kBadnessStart;
extern const std::uint8_t kBadnessFound;
extern const std::span<const BadnessAtom> kBadnessAtoms;
extern const std::span<const std::uint8_t> kBadnessNext;

// What bytes of UTF-8 look like that were read in a single-byte encoding.
extern const std::span<const CodePointRange> kFirst2Ranges;  ///< the first of two bytes
extern const std::span<const CodePointRange> kFirst3Ranges;
extern const std::span<const CodePointRange> kFirst4Ranges;
extern const std::span<const CodePointRange> kContinuationRanges;
extern const std::span<const CodePointRange> kStrictContinuationRanges;  ///< hardly anything else

extern const std::span<const Charmap>
    kCharmaps;  ///< in ftfy's order, from the second on (Encoding)
extern const std::span<const Replacement> kReplacements;  ///< sorted
extern const std::span<const CodePointRange> kRemovedRanges;
extern const std::span<const CodePointRange> kDigitRanges;  ///< what Python's \d matches

}  // namespace millrace
