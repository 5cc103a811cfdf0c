#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace {

/// Strings of bytes and a number for each, walked a byte at a time.
class PieceTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNoNode = 0xFFFFFFFF;
  static constexpr std::int32_t kNoValue = -1;
  /// A key of the table is a node and a byte.
  static constexpr std::size_t kMaxNodes = (std::size_t{1} << 24) - 1;

  PieceTrie();

  /// What has come of adding a string.
  enum class Added : std::uint8_t { added, was_there, full };
  /// Needs text.size() > 0 and value >= 0.
  Added add(std::string_view text, std::int32_t value);

  bool empty() const { return values_.size() == 1; }
  /// The node one byte further, or kNoNode.
  Node child(Node node, char byte) const {
    const std::uint32_t key = key_of(node, byte);
    for (std::size_t slot = first_slot(key);; slot = (slot + 1) & (slots_.size() - 1)) {
      if (slots_[slot].key == key) return slots_[slot].child;
      if (slots_[slot].key == kEmptyKey) return kNoNode;
    }
  }
  /// The node `text` leads to from `node`, or kNoNode.
  Node walk(Node node, std::string_view text) const {
    for (const char byte : text) {
      node = child(node, byte);
      if (node == kNoNode) break;
    }
    return node;
  }
  /// The number of the string that ends at `node`, or kNoValue.
  std::int32_t value(Node node) const { return values_[node]; }
  /// The number of `text`, or kNoValue.
  std::int32_t find(std::string_view text) const {
    const Node node = walk(kRoot, text);
    return node == kNoNode ? kNoValue : values_[node];
  }
  /// How many bytes the longest string at the front of `text` has; 0: there is none.
  std::size_t longest_prefix(std::string_view text) const;

 private:
  struct Slot {
    std::uint32_t key;
    Node child;
  };
  static constexpr std::uint32_t kEmptyKey = 0xFFFFFFFF;  // no node has this number

  static std::uint32_t key_of(Node node, char byte) {
    return node << 8U | static_cast<std::uint8_t>(byte);
  }
  std::size_t first_slot(std::uint32_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> shift_);
  }
  void insert(std::uint32_t key, Node child);
  void grow();

  std::vector<Slot> slots_;
  unsigned shift_;
  std::vector<std::int32_t> values_;
};

}  // namespace millrace
