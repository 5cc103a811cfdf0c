#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace millrace {

/// The merges of a byte-level BPE model of any vocabulary, as PairMerger takes them. Immutable once
/// it is made.
class MergeModel {
 public:
  using Id = std::uint32_t;
  using Rank = std::uint32_t;
  static constexpr Rank kNone = 0xFFFFFFFF;

  struct Merge {
    Id left;
    Id right;
    Id result;
  };

  /// Ids of the single bytes, of those that end a word (the same where words have no mark at their
  /// end), and the merges in the order of their ranks. Of a pair that is there twice the last
  /// counts.
  MergeModel(const std::array<Id, 256>& byte_ids, const std::array<Id, 256>& last_byte_ids,
             const std::vector<Merge>& merges);

  /// Pieces that are encoded as one id, whatever the merges (`ignore_merges`): bytes -> id.
  void set_whole_pieces(std::unordered_map<std::string, Id> ids) { whole_pieces_ = std::move(ids); }
  bool has_whole_pieces() const { return !whole_pieces_.empty(); }
  std::optional<Id> whole_piece(const std::string& piece) const {
    const auto found = whole_pieces_.find(piece);
    if (found == whole_pieces_.end()) return std::nullopt;
    return found->second;
  }

  Id byte_id(std::uint8_t byte) const { return byte_ids_[byte]; }
  Id last_byte_id(std::uint8_t byte) const { return last_byte_ids_[byte]; }
  Id result(Rank rank) const { return results_[rank]; }
  Rank merged(Id left, Id right) const {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    for (std::size_t slot = first_slot(key);; slot = (slot + 1) & (pairs_.size() - 1)) {
      if (pairs_[slot].key == key) return pairs_[slot].rank;
      if (pairs_[slot].rank == kNone) return kNone;
    }
  }

 private:
  struct Pair {
    std::uint64_t key = ~std::uint64_t{0};
    Rank rank = kNone;
  };

  std::size_t first_slot(std::uint64_t key) const {
    return static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15U >> shift_);
  }

  std::array<Id, 256> byte_ids_;
  std::array<Id, 256> last_byte_ids_;
  std::vector<Id> results_;
  std::vector<Pair> pairs_;
  unsigned shift_ = 63;
  std::unordered_map<std::string, Id> whole_pieces_;
};

}  // namespace millrace
