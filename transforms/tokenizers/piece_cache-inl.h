#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace millrace {

/// A piece of at most 15 bytes: its text, zeros, and the length in the last byte.
struct alignas(16) ShortPiece {
  static constexpr std::size_t kMaxBytes = 15;
  std::array<std::uint8_t, kMaxBytes + 1> bytes{};

  std::uint8_t& length() { return bytes[kMaxBytes]; }
  std::span<const std::uint8_t> text() const { return {bytes.data(), bytes[kMaxBytes]}; }
};

/// Remembers the ids of short pieces. A new piece takes the place of another one with the same
/// hash.
template <typename Id>
class PieceCache {
 public:
  static constexpr std::size_t kMaxIds = 7;
  struct Entry {
    std::array<std::uint64_t, 2> key{};  ///< no piece has key 0: its length is part of it
    std::array<Id, kMaxIds> ids{};
    std::uint16_t id_count = 0;
  };

  /// The entry for `piece`; `found` tells whether it holds its ids already.
  Entry& entry(const ShortPiece& piece, bool& found) {
    std::array<std::uint64_t, 2> key{};
    std::memcpy(key.data(), piece.bytes.data(), sizeof key);
    const std::uint64_t mixed = (key[0] ^ (key[1] * 0xA24BAED4963EE407U)) * 0x9E3779B97F4A7C15U;
    Entry& entry = entries_[mixed >> (64 - kBits)];
    found = entry.key == key;
    entry.key = key;
    return entry;
  }

 private:
  static constexpr unsigned kBits = 12;
  std::vector<Entry> entries_ = std::vector<Entry>(std::size_t{1} << kBits);
};

}  // namespace millrace
