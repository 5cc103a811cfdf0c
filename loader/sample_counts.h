#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace millrace {

/// Which sample: the `index`-th of the `shard`-th shard.
struct SampleId {
  std::uint64_t shard = 0;
  std::uint64_t index = 0;

  bool operator==(const SampleId&) const = default;
};

/// How many samples each shard has, summed up. Immutable, thread-safe. 8 bytes a shard.
class SampleCounts {
 public:
  explicit SampleCounts(std::span<const std::uint64_t> samples_of_shard);

  std::uint64_t total() const { return begins_.back(); }
  std::uint64_t shards() const { return begins_.size() - 1; }
  std::uint64_t of_shard(std::uint64_t shard) const { return begins_[shard + 1] - begins_[shard]; }
  /// The number of the shard's first sample.
  std::uint64_t begin_of(std::uint64_t shard) const { return begins_[shard]; }
  /// The sample at `number`, 0 <= number < total(), counting through the shards. O(log shards).
  SampleId locate(std::uint64_t number) const;

 private:
  std::vector<std::uint64_t> begins_;
};

}  // namespace millrace
