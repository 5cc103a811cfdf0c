#include "millrace/transforms/tokenizers/piece_trie-inl.h"

#include <utility>

namespace millrace {

namespace {

constexpr unsigned kFirstSlotBits = 10;

}  // namespace

PieceTrie::PieceTrie()
    : slots_(std::size_t{1} << kFirstSlotBits, Slot{kEmptyKey, 0}),
      shift_(64 - kFirstSlotBits),
      values_(1, kNoValue) {}

PieceTrie::Added PieceTrie::add(std::string_view text, std::int32_t value) {
  Node node = kRoot;
  for (const char byte : text) {
    Node next = child(node, byte);
    if (next == kNoNode) {
      if (values_.size() == kMaxNodes) return Added::full;
      next = static_cast<Node>(values_.size());
      if (2 * values_.size() >= slots_.size()) grow();
      insert(key_of(node, byte), next);
      values_.push_back(kNoValue);
    }
    node = next;
  }
  if (values_[node] != kNoValue) return Added::was_there;
  values_[node] = value;
  return Added::added;
}

std::size_t PieceTrie::longest_prefix(std::string_view text) const {
  std::size_t longest = 0;
  Node node = kRoot;
  for (std::size_t length = 1; length <= text.size(); ++length) {
    node = child(node, text[length - 1]);
    if (node == kNoNode) break;
    if (values_[node] != kNoValue) longest = length;
  }
  return longest;
}

void PieceTrie::insert(std::uint32_t key, Node child) {
  std::size_t slot = first_slot(key);
  while (slots_[slot].key != kEmptyKey) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = {key, child};
}

void PieceTrie::grow() {
  std::vector<Slot> old =
      std::exchange(slots_, std::vector<Slot>(2 * slots_.size(), Slot{kEmptyKey, 0}));
  --shift_;
  for (const Slot& slot : old) {
    if (slot.key != kEmptyKey) insert(slot.key, slot.child);
  }
}

}  // namespace millrace
