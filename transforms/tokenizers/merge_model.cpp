#include "millrace/transforms/tokenizers/merge_model-inl.h"

namespace millrace {

MergeModel::MergeModel(const std::array<Id, 256>& byte_ids,
                       const std::array<Id, 256>& last_byte_ids, const std::vector<Merge>& merges)
    : byte_ids_(byte_ids), last_byte_ids_(last_byte_ids) {
  std::size_t slots = 2;
  while (slots < 2 * merges.size()) {
    slots *= 2;
    --shift_;
  }
  pairs_.resize(slots);
  for (const Merge& merge : merges) {
    const std::uint64_t key = std::uint64_t{merge.left} << 32 | merge.right;
    std::size_t slot = first_slot(key);
    while (pairs_[slot].rank != kNone && pairs_[slot].key != key) slot = (slot + 1) & (slots - 1);
    pairs_[slot] = {key, static_cast<Rank>(results_.size())};
    results_.push_back(merge.result);
  }
}

}  // namespace millrace
