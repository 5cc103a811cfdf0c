#include "millrace/transforms/text/normalization-inl.h"

#include <algorithm>

#include "millrace/transforms/text/tokenizers_unicode-inl.h"

namespace millrace {

namespace {

// Hangul, section 3.12 of the Unicode standard.
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLeads = 0x1100;
constexpr char32_t kVowels = 0x1161;
constexpr char32_t kTrails = 0x11A7;  ///< one before the first
constexpr char32_t kLeadCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTrailCount;

bool is_within(char32_t c, char32_t first, char32_t count) { return c - first < count; }

char32_t compose_hangul(char32_t first, char32_t second) {
  if (is_within(first, kLeads, kLeadCount) && is_within(second, kVowels, kVowelCount)) {
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTrailCount;
  }
  if (is_within(first, kSyllables, kSyllableCount) && (first - kSyllables) % kTrailCount == 0 &&
      is_within(second, kTrails + 1, kTrailCount - 1)) {
    return first + (second - kTrails);
  }
  return 0;
}

std::uint64_t pair_key(char32_t first, char32_t second) {
  return std::uint64_t{first} << 32 | second;
}

}  // namespace

const UnicodeNormalization& UnicodeNormalization::instance() {
  // Never destroyed: threads may still encode while the process ends.
  static const auto* const normalization = new UnicodeNormalization({});
  return *normalization;
}

const UnicodeNormalization& UnicodeNormalization::of_tokenizers() {
  static const auto* const normalization = new UnicodeNormalization(kTokenizersUnknownRanges);
  return *normalization;
}

UnicodeNormalization::UnicodeNormalization(std::span<const CodePointRange> unknown)
    : pairs_(std::size_t{1} << kPairBits) {
  std::vector<std::uint16_t> flat(CodePointTable<std::uint16_t>::kCodePoints, 0);
  for (const CombiningClassRun& run : kCombiningClasses) {
    for (char32_t c = run.first; c <= run.last; ++c) flat[c] = kActive | run.combining_class;
  }
  const auto is_unknown = [unknown](char32_t c) {
    return std::any_of(unknown.begin(), unknown.end(), [c](const CodePointRange& range) {
      return c >= range.first && c <= range.last;
    });
  };
  for (const CodePointRange& range : unknown) {
    for (char32_t c = range.first; c <= range.last; ++c) flat[c] = 0;
  }
  for (const Decomposition& step : kCompositions) {
    if (is_unknown(step.composed)) continue;
    decompositions_.push_back(step);
    flat[step.composed] |= kDecomposes;
    flat[step.second] |= kActive;
    const std::uint64_t key = pair_key(step.first, step.second);
    pairs_[pair_slot(key)] = {key, step.composed};
  }
  for (const Decomposition& step : kOtherDecompositions) {
    flat[step.composed] |= kDecomposes | kActive;
  }
  for (char32_t i = 0; i < kVowelCount; ++i) flat[kVowels + i] |= kActive;
  for (char32_t i = 1; i < kTrailCount; ++i) flat[kTrails + i] |= kActive;
  info_ = CodePointTable<std::uint16_t>(flat);

  decompositions_.insert(decompositions_.end(), kOtherDecompositions.begin(),
                         kOtherDecompositions.end());
  std::sort(decompositions_.begin(), decompositions_.end(),
            [](const Decomposition& a, const Decomposition& b) { return a.composed < b.composed; });
}

std::size_t UnicodeNormalization::pair_slot(std::uint64_t key) const {
  auto slot = static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15U >> (64 - kPairBits));
  while (pairs_[slot].key != 0 && pairs_[slot].key != key) slot = (slot + 1) & (pairs_.size() - 1);
  return slot;
}

char32_t UnicodeNormalization::composed(char32_t first, char32_t second) const {
  if (const char32_t syllable = compose_hangul(first, second); syllable != 0) return syllable;
  return pairs_[pair_slot(pair_key(first, second))].composed;
}

void UnicodeNormalization::append_decomposed(char32_t c, std::u32string& out) const {
  if (is_within(c, kSyllables, kSyllableCount)) {
    const char32_t index = c - kSyllables;
    out.push_back(kLeads + index / (kVowelCount * kTrailCount));
    out.push_back(kVowels + index / kTrailCount % kVowelCount);
    if (index % kTrailCount != 0) out.push_back(kTrails + index % kTrailCount);
    return;
  }
  // Only the first part decomposes further, so this is no deeper than the longest mapping.
  if ((info_[c] & kDecomposes) == 0) {
    out += c;
    return;
  }
  const auto step =
      std::lower_bound(decompositions_.begin(), decompositions_.end(), c,
                       [](const Decomposition& a, char32_t value) { return a.composed < value; });
  append_decomposed(step->first, out);
  if (step->second != 0) append_decomposed(step->second, out);
}

// Characters with a combining class, between two without one, go in the order of their classes.
void UnicodeNormalization::order(std::u32string& text) const {
  const auto by_class = [this](char32_t a, char32_t b) {
    return combining_class(a) < combining_class(b);
  };
  for (std::size_t begin = 0; begin < text.size();) {
    if (combining_class(text[begin]) == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = text.begin() + static_cast<std::ptrdiff_t>(end);
    if (!std::is_sorted(first, last, by_class)) std::stable_sort(first, last, by_class);
    begin = end;
  }
}

void UnicodeNormalization::compose(std::u32string& text, std::u32string& scratch) const {
  if (std::all_of(text.begin(), text.end(), [this](char32_t c) { return is_inert(c); })) return;
  scratch.clear();
  for (const char32_t c : text) append_decomposed(c, scratch);
  order(scratch);

  text.clear();
  constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t starter = kNone;  // where in `text` the last character of class 0 is
  std::uint8_t last_class = 0;  // of the character before, since the starter
  for (const char32_t c : scratch) {
    const std::uint8_t char_class = combining_class(c);
    if (starter != kNone) {
      const bool is_next = starter + 1 == text.size();
      const bool is_blocked = !is_next && last_class >= char_class;
      if (!is_blocked) {
        if (const char32_t whole = composed(text[starter], c); whole != 0) {
          text[starter] = whole;
          continue;
        }
      }
    }
    if (char_class == 0) starter = text.size();
    last_class = char_class;
    text += c;
  }
}

}  // namespace millrace
