#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace {

/// One bit for each sample of each of many shards, and where the n-th set one of a shard is. 1.125
/// bits a sample and 8 bytes a shard. Threads may write different shards; once ranked, immutable
/// and thread-safe.
class SampleBitmap {
 public:
  SampleBitmap() = default;
  /// All bits are 0. Throws std::length_error or std::bad_alloc where that is too much.
  explicit SampleBitmap(std::span<const std::uint64_t> samples_of_shard);

  /// Sample i of the shard is bit i % 64 of word i / 64; what is left of the last word stays 0.
  std::span<std::uint64_t> words(std::size_t shard);
  /// To be called once all is written, before `select`.
  void rank();
  /// Which sample of the shard is its set bit number `rank`, counted from 0; there must be one.
  /// O(log samples of the shard).
  std::uint64_t select(std::size_t shard, std::uint64_t rank) const;
  /// Of all bits: another one for other bits.
  std::uint64_t hash() const;
  /// The inverse: how many set bits of the shard there are up to and with bit number `place`, and
  /// where the last of them is; bit 0 must be set. O(1) but for long runs of 0.
  struct Run {
    std::uint64_t set_bits;
    std::uint64_t last;
  };
  Run run_at(std::size_t shard, std::uint64_t place) const;

 private:
  std::vector<std::uint64_t> begins_;  // by shard, its first word
  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> ranks_;  // set bits before each block of words
};

std::uint64_t count_bits(std::span<const std::uint64_t> words);

}  // namespace millrace
