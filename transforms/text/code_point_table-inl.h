#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace {

/// A value for each code point, looked up in constant time. Immutable. Blocks that equal the one
/// before them are stored once: most planes are alike throughout.
template <typename Value>
class CodePointTable {
 public:
  static constexpr std::size_t kCodePoints = 0x110000;

  CodePointTable() = default;
  /// `flat` has kCodePoints values.
  explicit CodePointTable(const std::vector<Value>& flat) {
    block_of_.reserve(kCodePoints / kBlockSize);
    for (std::size_t begin = 0; begin < kCodePoints; begin += kBlockSize) {
      const auto block = flat.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto block_end = block + kBlockSize;
      if (blocks_.empty() || !std::equal(block, block_end, blocks_.end() - kBlockSize)) {
        blocks_.insert(blocks_.end(), block, block_end);
      }
      block_of_.push_back(static_cast<std::uint16_t>(blocks_.size() / kBlockSize - 1));
    }
    blocks_.shrink_to_fit();
  }

  Value operator[](char32_t c) const {
    return blocks_[(std::size_t{block_of_[c >> kBlockBits]} << kBlockBits) |
                   (c & (kBlockSize - 1))];
  }

 private:
  static constexpr unsigned kBlockBits = 8;
  static constexpr std::size_t kBlockSize = std::size_t{1} << kBlockBits;

  std::vector<std::uint16_t> block_of_;
  std::vector<Value> blocks_;
};

}  // namespace millrace
