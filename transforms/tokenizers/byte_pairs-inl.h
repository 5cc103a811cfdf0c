#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/transforms/tokenizers/clip_vocabulary-inl.h"

namespace millrace {

/// Byte-pair encoding of one piece. Holds scratch: one a thread.
///
/// A Vocabulary has types Id and Rank, kNone of Rank, which is above every rank, byte_id(byte) and
/// last_byte_id(byte), merged(left, right), the rank of that merge or kNone, and result(rank).
template <typename Vocabulary>
class PairMerger {
 public:
  using Id = typename Vocabulary::Id;
  using Rank = typename Vocabulary::Rank;

  explicit PairMerger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// Encodes the whole of `piece` and writes the first ids.size() ids of it; returns how many were
  /// written. `ends_word`: the last byte is the last of its word. n log n, and linear memory.
  std::size_t encode(std::span<const std::uint8_t> piece, bool ends_word, std::span<Id> ids);

  /// Frees scratch that only an extraordinary piece needs.
  void trim();

 private:
  struct Symbol {
    std::uint32_t previous;
    std::uint32_t next;
    Id id;
    Rank merged;  ///< with the next symbol
  };

  std::size_t encode_short(std::span<const std::uint8_t> piece, bool ends_word,
                           std::span<Id> ids) const;

  const Vocabulary& vocabulary_;
  std::vector<Symbol> symbols_;
  std::vector<std::uint64_t> heap_;
};

/// Byte-pair encoding with CLIP's merges.
class BytePairEncoder : public PairMerger<ClipVocabulary> {
 public:
  using PairMerger::PairMerger;

  /// Whether the first ids.size() ids of every piece that begins with `window` are the same; then
  /// writes them. A false answer is possible for any window, but less likely the longer it is;
  /// below window_bytes(ids.size()) bytes it is always false.
  bool encode_prefix(std::span<const std::uint8_t> window, std::span<TokenId> ids);

  static std::size_t window_bytes(std::size_t id_count) {
    return ClipVocabulary::kLongestToken * (id_count + 2);
  }

 private:
  std::vector<TokenId> other_ids_;
};

}  // namespace millrace
