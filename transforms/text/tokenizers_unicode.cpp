#include "millrace/transforms/text/tokenizers_unicode-inl.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace millrace {

const TokenizersUnicode& TokenizersUnicode::instance() {
  // Never destroyed: threads may still encode while the process ends.
  static const auto* const unicode = new TokenizersUnicode();
  return *unicode;
}

TokenizersUnicode::TokenizersUnicode() {
  std::vector<std::uint8_t> flat(CodePointTable<std::uint8_t>::kCodePoints,
                                 static_cast<std::uint8_t>(CharClass::other));
  const auto set_class = [&flat](std::span<const CodePointRange> ranges, CharClass value) {
    for (const auto& [first, last] : ranges) {
      std::fill(flat.begin() + first, flat.begin() + last + 1, static_cast<std::uint8_t>(value));
    }
  };
  set_class(kTokenizersLetterRanges, CharClass::letter);
  set_class(kTokenizersNumberRanges, CharClass::number);
  set_class(kTokenizersSpaceRanges, CharClass::separator);
  for (const LowerRun& run : kTokenizersLowerRuns) {
    for (char32_t c = run.first; c <= run.last; c += run.step) flat[c] |= kLowerBit;
  }
  bits_ = CodePointTable<std::uint8_t>(flat);
}

char32_t TokenizersUnicode::run_lower(char32_t c) {
  const auto after =
      std::upper_bound(kTokenizersLowerRuns.begin(), kTokenizersLowerRuns.end(), c,
                       [](char32_t value, const LowerRun& run) { return value < run.first; });
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + std::prev(after)->difference);
}

}  // namespace millrace
