#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace {

using TokenId = std::uint16_t;

/// CLIP's merge rules, from the vocabulary file inside this library. Immutable.
///
/// The ids are open_clip's: 256 bytes, 256 bytes that end a word, then one id a merge in the order
/// of the merges. So a merge's id also ranks it: of two merges the one with the lower id goes
/// first.
class ClipVocabulary {
 public:
  using Id = TokenId;
  using Rank = TokenId;
  static constexpr TokenId kNone = 0xFFFF;
  static constexpr std::size_t kMergeCount = 49152 - 256 - 2;
  static constexpr std::size_t kFirstMergeId = 512;
  /// No token is longer, in bytes of text. Checked when the tables are built.
  static constexpr std::size_t kLongestToken = 32;

  /// Unpacked at the first call; thread-safe.
  static const ClipVocabulary& instance();

  TokenId byte_id(std::uint8_t byte) const { return byte_ids_[byte]; }
  /// What a merge of that rank gives.
  static TokenId result(TokenId rank) { return rank; }
  /// The parts of each merge, in the order of their ranks; the first gives kFirstMergeId.
  struct Merge {
    TokenId left;
    TokenId right;
  };
  std::span<const Merge> merges() const { return merges_; }
  /// The id of a byte that ends a word.
  TokenId last_byte_id(std::uint8_t byte) const {
    return static_cast<TokenId>(byte_ids_[byte] + 256);
  }
  /// What `left` followed by `right` merges to, or kNone.
  TokenId merged(TokenId left, TokenId right) const {
    const std::uint32_t key = pair_key(left, right);
    for (std::size_t slot = first_slot(key);; slot = (slot + 1) & (kSlots - 1)) {
      if (pairs_[slot].key == key) return pairs_[slot].id;
      if (pairs_[slot].key == kEmptyKey) return kNone;
    }
  }

 private:
  struct Pair {
    std::uint32_t key;
    TokenId id;
  };
  static constexpr std::size_t kSlots = std::size_t{1} << 17;
  static constexpr std::uint32_t kEmptyKey = 0xFFFFFFFF;

  ClipVocabulary();
  static std::uint32_t pair_key(TokenId left, TokenId right) {
    return std::uint32_t{left} << 16 | right;
  }
  static std::size_t first_slot(std::uint32_t key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> (64 - 17));
  }

  std::array<TokenId, 256> byte_ids_{};
  std::vector<Pair> pairs_;
  std::vector<Merge> merges_;
};

}  // namespace millrace
