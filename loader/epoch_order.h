#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "millrace/loader/permutation.h"
#include "millrace/loader/unit_sequence.h"

namespace millrace {

/// The global order of one epoch: a pure function of (sample counts, shuffle, window, seed, epoch).
/// Nothing in it depends on threads, batches, prefetch or world size. Immutable, thread-safe, O(1)
/// time a position and O(1) memory; a few dozen nanoseconds to make. Over units, O(log units) time
/// a position, 8 bytes a unit, shared by copies, and some 50 nanoseconds a unit to make.
///
/// Shuffled, the samples (numbered through all shards) are cut into segments of equal length, and
/// the segments are permuted. The long sequence that results is cut into `lanes()` lanes, whose
/// lengths differ by one at most. Inside a lane, each block of consecutive samples is permuted.
/// Position i is sample i / lanes of lane i mod lanes: where the world size divides the number of
/// lanes, a rank reads only its own lanes. Unshuffled, position i is sample i.
///
/// Shards that must be unpacked whole are units: there the segments are the shards, whatever their
/// lengths. A lane begins wherever its turn comes, so lanes() - 1 units are split between two.
/// Lanes are few, because each has a unit or two open at any time: at most 8, not more than leave
/// each 4 units, and not more than leave its block a quarter of a unit of mean length. A window
/// touches about window / mean + lanes() units, all of them whole.
class EpochOrder {
 public:
  struct Shuffle {
    bool on = false;
    std::uint64_t window = 16384;  ///< samples mixed at any time, over all lanes
    std::uint64_t seed = 0;
    std::uint64_t epoch = 0;
  };

  EpochOrder(std::uint64_t samples, const Shuffle& shuffle);
  /// Over units: the samples of each; at least one sample in all.
  EpochOrder(std::shared_ptr<const SampleCounts> units, const Shuffle& shuffle);

  std::uint64_t size() const { return samples_; }
  std::uint64_t lanes() const { return lanes_; }
  bool has_units() const { return units_ != nullptr; }
  /// Of units: their mean length, rounded up.
  std::uint64_t segment_samples() const { return segment_samples_; }
  /// Positions [i w, (i + 1) w) have, in every lane, the samples of one block.
  std::uint64_t window_positions() const { return lanes_ * block_samples_; }

  /// The number of the sample at `position` < size().
  std::uint64_t at(std::uint64_t position) const;

  /// The position of sample `number` < size(): the inverse of at().
  std::uint64_t position_of(std::uint64_t number) const;

  /// The position whose sample stands in for the one at `position`: the `attempt`-th next one of
  /// the same block, going round, and once the block is through, of the same lane behind it, going
  /// round; 1 <= attempt <= substitutes(position).
  std::uint64_t substitute(std::uint64_t position, std::uint64_t attempt) const;
  /// How many there are: all other positions of the lane.
  std::uint64_t substitutes(std::uint64_t position) const;

  /// A unit in a lane. Places count the lane's samples in the order of the units, before blocks are
  /// permuted: place n of a lane is in the same block as the lane's n-th position.
  struct UnitInLane {
    std::uint64_t unit = 0;
    std::uint64_t needed_at = 0;  ///< the first of the lane's positions that may need it
    std::uint64_t end = 0;        ///< the place where the next unit begins
  };
  /// The unit at `place` of a lane; nothing behind the lane's end. Only where has_units().
  std::optional<UnitInLane> unit_in_lane(std::uint64_t lane, std::uint64_t place) const;
  /// How many positions of a lane belong together: [n b, (n + 1) b) are a block. Unshuffled: 1.
  std::uint64_t block_samples() const { return shuffled_ ? block_samples_ : 1; }

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
  std::uint64_t lane_of(std::uint64_t in_sequence) const;
  std::uint64_t number_at(std::uint64_t in_sequence) const;
  std::uint64_t in_sequence_of(std::uint64_t number) const;
  Permutation permutation_within(const Place& place) const;

  EpochOrder(std::shared_ptr<const UnitSequence> units, const Shuffle& shuffle);

  std::uint64_t samples_;
  bool shuffled_;
  std::uint64_t key_;
  std::uint64_t segment_samples_;
  std::uint64_t lanes_;
  std::uint64_t block_samples_;
  std::shared_ptr<const UnitSequence> units_;  // null: segments
  Permutation segments_;                       // of the full segments
  std::uint64_t tail_begin_ = 0;  // where the one shorter segment stands in the sequence
  std::uint64_t tail_samples_ = 0;
};

}  // namespace millrace
