#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "millrace/transforms/jpeg/jpeg_header.h"

namespace millrace::jpeg {

/// A Huffman table for decoding by look-up. An entry answers the next kBits bits of the stream
/// with all that they say:
///   bits 0..7    how many bits are used up: the code and the bits of the value behind it
///   bits 8..15   how far it goes on in the zigzag order (the run of zeros and the value itself),
///                kEndOfBlock, or kLong
///   bits 16..31  the value, with its sign
/// An entry with kLong uses up nothing: code and value are longer than kBits. If the code alone is
/// not, its length and symbol lie in the place of the value (length << 8 | symbol), otherwise 0.
struct HuffmanTable {
  static constexpr unsigned kBits = 11;
  static constexpr std::uint32_t kEndOfBlock = 128;
  static constexpr std::uint32_t kLong = 192;
  static constexpr int kLongestCode = 16;

  std::array<std::uint32_t, std::size_t{1} << kBits> entries;
  /// 16 bits that begin with a code of L bits or less are below after[L].
  std::array<std::uint32_t, kLongestCode + 2> after;
  /// Index of a code's symbol, less the code.
  std::array<std::int32_t, kLongestCode + 1> first_symbol;
  std::array<std::uint8_t, 256> symbols;

  /// False for a table that libjpeg refuses: codes that do not fit their length or are all ones,
  /// a DC symbol above 15.
  bool assign(HuffmanBytes bytes, bool is_dc);
};

/// Tables that have been built, found again by their bytes: most files have the same four.
class HuffmanCache {
 public:
  /// Tables for an image of fewer pixels than `few_pixels` are not built when they are met first:
  /// libjpeg, whose tables are smaller, has decoded such a file before these are made. They are
  /// worth it where others of the small files have the same.
  explicit HuffmanCache(std::uint64_t few_pixels);

  struct Slot {
    HuffmanTable table;
    std::array<std::uint8_t, 16 + 256> source;
    std::size_t source_bytes = 0;
    bool is_dc = false;
    int users = 0;
    std::uint64_t used_at = 0;
  };

  /// The table, which stays as it is until release(). Null for one that libjpeg refuses, and for
  /// one that is not built yet.
  Slot* acquire(HuffmanBytes bytes, bool is_dc, std::uint64_t pixels);
  static void release(Slot* slot) { --slot->users; }

 private:
  /// Two images in work use 12 at most.
  static constexpr std::size_t kSlots = 16;

  bool is_met_again(HuffmanBytes bytes, bool is_dc);

  std::unique_ptr<std::array<Slot, kSlots>> slots_;
  std::uint64_t few_pixels_;
  std::uint64_t clock_ = 0;
  std::array<std::uint64_t, kSlots> met_{};  // hashes of tables that were not built
  std::size_t next_met_ = 0;
};

}  // namespace millrace::jpeg
