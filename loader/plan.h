#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/permutation.h"

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
  /// The sample at `number`, 0 <= number < total(), counting through the shards. O(log shards).
  SampleId locate(std::uint64_t number) const;

 private:
  std::vector<std::uint64_t> begins_;
};

/// The global order of one epoch: a pure function of (sample count, shuffle, window, seed, epoch).
/// Nothing in it depends on threads, batches, prefetch or world size. Immutable, thread-safe, O(1)
/// time a position and O(1) memory.
///
/// Shuffled, the samples (numbered through all shards) are cut into segments of equal length, and
/// the segments are permuted. The long sequence that results is cut into `lanes()` lanes, whose
/// lengths differ by one at most. Inside a lane, each block of consecutive samples is permuted.
/// Position i is sample i / lanes of lane i mod lanes: where the world size divides the number of
/// lanes, a rank reads only its own lanes. Unshuffled, position i is sample i.
class EpochOrder {
 public:
  struct Shuffle {
    bool on = false;
    std::uint64_t window = 16384;  ///< samples mixed at any time, over all lanes
    std::uint64_t seed = 0;
    std::uint64_t epoch = 0;
  };

  EpochOrder(std::uint64_t samples, const Shuffle& shuffle);

  std::uint64_t size() const { return samples_; }
  std::uint64_t lanes() const { return lanes_; }
  std::uint64_t segment_samples() const { return segment_samples_; }

  /// The number of the sample at `position` < size().
  std::uint64_t at(std::uint64_t position) const;

  /// The position whose sample stands in for the one at `position`: the `attempt`-th next one of
  /// the same block, going round, and once the block is through, of the same lane behind it, going
  /// round; 1 <= attempt <= substitutes(position).
  std::uint64_t substitute(std::uint64_t position, std::uint64_t attempt) const;
  /// How many there are: all other positions of the lane.
  std::uint64_t substitutes(std::uint64_t position) const;

 private:
  struct Place {  // a position, seen from its lane
    std::uint64_t lane;
    std::uint64_t lane_samples;
    std::uint64_t block_begin;  // within the lane
    std::uint64_t block_samples;
    std::uint64_t in_block;
  };
  Place place(std::uint64_t position) const;
  std::uint64_t lane_begin(std::uint64_t lane) const;

  std::uint64_t samples_;
  bool shuffled_;
  std::uint64_t key_;
  std::uint64_t segment_samples_;
  std::uint64_t lanes_;
  std::uint64_t block_samples_;
  Permutation segments_;          // of the full segments
  std::uint64_t tail_begin_ = 0;  // where the one shorter segment stands in the sequence
  std::uint64_t tail_samples_ = 0;
};

/// The part of an epoch that one rank delivers, from `begin` (a global position) on.
/// Rank r takes positions begin + r, begin + r + world_size, ...
class RankSlice {
 public:
  RankSlice(std::uint64_t samples, std::uint64_t begin, std::uint64_t rank,
            std::uint64_t world_size, std::uint64_t batch_size, bool drop_last);

  /// Batches; the same on every rank.
  std::uint64_t batches() const { return batches_; }
  /// Samples of batch `batch` < batches() on this rank.
  std::uint64_t batch_samples(std::uint64_t batch) const;
  /// Global position of a slot. Beyond the epoch's end it wraps to the beginning: a padded slot.
  std::uint64_t position(std::uint64_t batch, std::uint64_t slot) const;
  bool is_padded(std::uint64_t batch, std::uint64_t slot) const;
  /// The global position after `batches` batches on every rank; at most the number of samples.
  std::uint64_t position_after(std::uint64_t batches) const;
  /// This rank's share including what is dropped; equal to delivered + dropped().
  std::uint64_t expected() const { return expected_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  std::uint64_t samples_;
  std::uint64_t begin_;
  std::uint64_t rank_;
  std::uint64_t world_size_;
  std::uint64_t batch_size_;
  std::uint64_t rank_samples_;  // delivered by this rank, padded slots included
  std::uint64_t batches_;
  std::uint64_t expected_;
  std::uint64_t dropped_;
};

}  // namespace millrace
