#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/loader/interleave.h"

namespace millrace {

/// The order of an epoch over buckets, such that each run of `run` positions is of one bucket,
/// every sample has one position, and only the epoch's last run may be shorter. Pure functions of
/// the arguments; immutable, thread-safe; O(log buckets) a position.
///
/// The buckets' sequences are laid end to end and cut into runs. A run is of the bucket that its
/// last sample is of, so what is left over of a bucket, less than a run, opens the first run of the
/// next one: fewer than `run` samples a bucket are made with its neighbour's columns, other ones in
/// each epoch that is shuffled. An Interleave deals the runs out, in proportion to their numbers.
class BucketRuns {
 public:
  /// `samples` by bucket; the sum is at least 1 and below 2^62. `run` is at least 1.
  BucketRuns(const std::vector<std::uint64_t>& samples, std::uint64_t run, std::uint64_t key);

  /// Positions: the samples of all buckets.
  std::uint64_t size() const { return begins_.back(); }

  struct Turn {
    std::size_t bucket = 0;
    std::uint64_t in_sequence = 0;  ///< which sample of the bucket's sequence
  };
  /// Whose sample a position has.
  Turn at(std::uint64_t position) const;
  /// Which bucket's columns a position has: that of its run.
  std::size_t bucket(std::uint64_t position) const;
  std::uint64_t position_of(const Turn& turn) const;
  /// How many of the positions below `position` <= size() have samples of the bucket.
  std::uint64_t count_before(std::uint64_t position, std::size_t bucket) const;

 private:
  std::uint64_t whole_runs() const { return size() / run_; }
  /// The run, in the sequences laid end to end, with which a bucket's own runs begin.
  std::uint64_t first_run(std::size_t bucket) const { return begins_[bucket] / run_; }
  /// The bucket that has this place of the sequences laid end to end.
  std::size_t owner(std::uint64_t place) const;
  std::uint64_t place_of(std::uint64_t position) const;

  std::vector<std::uint64_t> begins_;  // of the buckets' sequences, laid end to end; then the end
  std::uint64_t run_;
  std::optional<Interleave> interleave_;  // of the whole runs, if there is one
};

}  // namespace millrace
