#include <algorithm>
#include <array>

#include "millrace/transforms/resize/resize_passes.h"

namespace millrace {
namespace {

constexpr int kLowBits = 11;

/// Two 16-bit factors in one word, `first` in the lower half.
std::int32_t word_of(std::int32_t first, std::int32_t second) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(first) & 0xFFFFU) |
                                   static_cast<std::uint32_t>(second) << 16);
}

std::int32_t high(std::int32_t weight) { return weight >> kLowBits; }
std::int32_t low(std::int32_t weight) { return weight & ((1 << kLowBits) - 1); }

}  // namespace

void HorizontalWords::assign(const ResizeWeights& weights) {
  first_column = weights.first;
  const auto columns = static_cast<std::size_t>(std::max(0, weights.last - weights.first));
  quad_count = (columns + 3) / 4;
  outputs.assign((weights.taps.size() + 3) / 4 * 4, Output{});
  const auto most_quads = static_cast<std::size_t>(weights.stride) / 4 + 2;
  words.resize(weights.taps.size() * most_quads * kWordsPerQuad);
  std::int32_t* word = words.data();
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const ResizeWeights::Taps taps = weights.taps[i];
    if (taps.count == 0) continue;
    const std::int32_t* values = weights.row(static_cast<int>(i));
    const int first = taps.first - first_column;
    const int first_quad = first / 4;
    const int last_quad = (first + taps.count + 3) / 4;
    outputs[i] = {static_cast<std::uint32_t>(first_quad),
                  static_cast<std::uint32_t>(last_quad - first_quad),
                  static_cast<std::size_t>(word - words.data())};
    for (int quad = first_quad; quad < last_quad; ++quad) {
      std::array<std::int32_t, 4> k{};
      for (int p = 0; p < 4; ++p) {
        const int tap = quad * 4 + p - first;
        if (tap >= 0 && tap < taps.count) k[static_cast<std::size_t>(p)] = values[tap];
      }
      word[0] = word_of(high(k[0]), high(k[2]));
      word[1] = word_of(low(k[0]), low(k[2]));
      word[2] = word_of(high(k[1]), high(k[3]));
      word[3] = word_of(low(k[1]), low(k[3]));
      word += kWordsPerQuad;
    }
  }
}

void VerticalWords::assign(const ResizeWeights& weights) {
  first_row = weights.first;
  last_row = weights.last;
  outputs.assign(weights.taps.size(), Output{});
  const auto most_pairs = static_cast<std::size_t>(weights.stride) / 2 + 2;
  words.resize(weights.taps.size() * most_pairs * kWordsPerPair);
  std::int32_t* word = words.data();
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const ResizeWeights::Taps taps = weights.taps[i];
    if (taps.count == 0) continue;
    const std::int32_t* values = weights.row(static_cast<int>(i));
    const int first = taps.first - first_row;
    const int first_pair = first / 2;
    const int last_pair = (first + taps.count + 1) / 2;
    outputs[i] = {static_cast<std::uint32_t>(first_pair),
                  static_cast<std::uint32_t>(last_pair - first_pair),
                  static_cast<std::size_t>(word - words.data())};
    for (int pair = first_pair; pair < last_pair; ++pair) {
      const int tap = pair * 2 - first;
      const std::int32_t k0 = tap >= 0 ? values[tap] : 0;
      const std::int32_t k1 = tap + 1 < taps.count ? values[tap + 1] : 0;
      word[0] = word_of(high(k0), high(k1));
      word[1] = word_of(low(k0), low(k1));
      word += kWordsPerPair;
    }
  }
}

}  // namespace millrace
