#include "millrace/loader/sample_counts.h"

#include <algorithm>
#include <cassert>

namespace millrace {

SampleCounts::SampleCounts(std::span<const std::uint64_t> samples_of_shard) {
  begins_.reserve(samples_of_shard.size() + 1);
  begins_.push_back(0);
  for (const std::uint64_t samples : samples_of_shard) begins_.push_back(begins_.back() + samples);
}

SampleId SampleCounts::locate(std::uint64_t number) const {
  assert(number < total());
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), number);
  const auto shard = static_cast<std::uint64_t>(after - begins_.begin()) - 1;
  return {shard, number - begins_[shard]};
}

}  // namespace millrace
