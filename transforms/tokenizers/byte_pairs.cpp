#include <algorithm>
#include <array>
#include <functional>

#include "millrace/transforms/tokenizers/byte_pairs-inl.h"
#include "millrace/transforms/tokenizers/merge_model-inl.h"

namespace millrace {

namespace {

constexpr std::size_t kShortBytes = 48;
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
constexpr std::uint32_t kNoSymbol = 0xFFFFFFFF;

}  // namespace

// CLIP's reference merges, round by round, all occurrences of the pair that ranks first, from the
// left. A merge's result is part of later-ranking pairs only (ClipVocabulary checks it), so merging
// one occurrence at a time, the first-ranking and of these the leftmost, comes to the same. That is
// also what Hugging Face's tokenizers does, whatever the merges.

template <typename Vocabulary>
std::size_t PairMerger<Vocabulary>::encode(std::span<const std::uint8_t> piece, bool ends_word,
                                           std::span<Id> ids) {
  if (piece.empty() || ids.empty()) return 0;
  if (piece.size() <= kShortBytes) return encode_short(piece, ends_word, ids);

  const auto count = static_cast<std::uint32_t>(piece.size());
  symbols_.resize(count);
  heap_.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    symbols_[i] = {i == 0 ? kNoSymbol : i - 1, i + 1 == count ? kNoSymbol : i + 1,
                   vocabulary_.byte_id(piece[i]), Vocabulary::kNone};
  }
  if (ends_word) symbols_.back().id = vocabulary_.last_byte_id(piece.back());

  const auto heap_entry = [](Rank merged, std::uint32_t at) {
    return std::uint64_t{merged} << 32 | at;
  };
  const auto find_merge = [&](std::uint32_t at) {
    Symbol& symbol = symbols_[at];
    symbol.merged = symbol.next == kNoSymbol
                        ? Vocabulary::kNone
                        : vocabulary_.merged(symbol.id, symbols_[symbol.next].id);
    return symbol.merged;
  };
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    const Rank merged = find_merge(i);
    if (merged != Vocabulary::kNone) heap_.push_back(heap_entry(merged, i));
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  while (!heap_.empty()) {
    const auto at = static_cast<std::uint32_t>(heap_.front());
    const auto merged = static_cast<Rank>(heap_.front() >> 32);
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    Symbol& symbol = symbols_[at];
    if (symbol.merged != merged) continue;  // one of the two was merged otherwise since
    Symbol& gone = symbols_[symbol.next];
    symbol.id = vocabulary_.result(merged);
    symbol.next = gone.next;
    gone.merged = Vocabulary::kNone;
    if (symbol.next != kNoSymbol) symbols_[symbol.next].previous = at;
    for (const std::uint32_t changed : {symbol.previous, at}) {
      if (changed == kNoSymbol) continue;
      const Rank now = find_merge(changed);
      if (now == Vocabulary::kNone) continue;
      heap_.push_back(heap_entry(now, changed));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  }
  std::size_t written = 0;
  for (std::uint32_t at = 0; at != kNoSymbol && written < ids.size(); at = symbols_[at].next) {
    ids[written++] = symbols_[at].id;
  }
  return written;
}

template <typename Vocabulary>
std::size_t PairMerger<Vocabulary>::encode_short(std::span<const std::uint8_t> piece,
                                                 bool ends_word, std::span<Id> ids) const {
  std::array<Id, kShortBytes> symbols;   // NOLINT(*-member-init): written before it is read
  std::array<Rank, kShortBytes> merged;  // NOLINT(*-member-init)
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) symbols[i] = vocabulary_.byte_id(piece[i]);
  if (ends_word) symbols[count - 1] = vocabulary_.last_byte_id(piece[count - 1]);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    merged[i] = vocabulary_.merged(symbols[i], symbols[i + 1]);
  }
  while (count > 1) {
    std::size_t at = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merged[i] < merged[at]) at = i;
    }
    if (merged[at] == Vocabulary::kNone) break;
    symbols[at] = vocabulary_.result(merged[at]);
    std::copy(symbols.begin() + at + 2, symbols.begin() + count, symbols.begin() + at + 1);
    std::copy(merged.begin() + at + 1, merged.begin() + (count - 1), merged.begin() + at);
    --count;
    if (at > 0) merged[at - 1] = vocabulary_.merged(symbols[at - 1], symbols[at]);
    if (at + 1 < count) merged[at] = vocabulary_.merged(symbols[at], symbols[at + 1]);
  }
  const std::size_t written = std::min(count, ids.size());
  std::copy_n(symbols.begin(), written, ids.begin());
  return written;
}

// Merges never cross a border between two tokens of the result, so the tokens before a border are
// the encoding of the text before it. A piece that begins with `window` has a border within
// kLongestToken bytes of the window's end: its first tokens are those of one of these shorter
// windows. If all of them agree, that is the answer, whatever follows.
bool BytePairEncoder::encode_prefix(std::span<const std::uint8_t> window, std::span<TokenId> ids) {
  if (window.size() < window_bytes(ids.size())) return false;
  if (encode(window, false, ids) < ids.size()) return false;
  other_ids_.resize(ids.size());
  for (std::size_t less = 1; less < ClipVocabulary::kLongestToken; ++less) {
    encode(window.first(window.size() - less), false, other_ids_);
    if (!std::equal(ids.begin(), ids.end(), other_ids_.begin())) return false;
  }
  return true;
}

template <typename Vocabulary>
void PairMerger<Vocabulary>::trim() {
  if (symbols_.capacity() * sizeof(Symbol) <= kKeptBytes) return;
  symbols_ = {};
  heap_ = {};
}

template class PairMerger<ClipVocabulary>;
template class PairMerger<MergeModel>;

}  // namespace millrace
