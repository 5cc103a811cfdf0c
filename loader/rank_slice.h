#pragma once

#include <cstdint>

namespace millrace {

/// The part of an epoch that one rank delivers, from `begin` (a global position) on.
/// Rank r takes positions begin + r, begin + r + world_size, ...
class RankSlice {
 public:
  /// `first` is the first position there is to repeat where a rank must be padded.
  RankSlice(std::uint64_t samples, std::uint64_t begin, std::uint64_t rank,
            std::uint64_t world_size, std::uint64_t batch_size, bool drop_last,
            std::uint64_t first = 0);

  std::uint64_t world_size() const { return world_size_; }
  /// Batches; the same on every rank.
  std::uint64_t batches() const { return batches_; }
  /// Samples of batch `batch` < batches() on this rank.
  std::uint64_t batch_samples(std::uint64_t batch) const;
  /// Global position of a slot. Beyond the epoch's end it wraps to `first`: a padded slot.
  std::uint64_t position(std::uint64_t batch, std::uint64_t slot) const;
  bool is_padded(std::uint64_t batch, std::uint64_t slot) const;
  /// The global position after `batches` batches on every rank; at most the number of samples.
  std::uint64_t position_after(std::uint64_t batches) const;
  /// This rank's share including what is dropped; equal to delivered + dropped().
  std::uint64_t expected() const { return expected_; }
  std::uint64_t dropped() const { return dropped_; }
  /// Global position of the `index`-th dropped one, index < dropped().
  std::uint64_t dropped_position(std::uint64_t index) const {
    return begin_ + (rank_samples_ + index) * world_size_ + rank_;
  }

 private:
  std::uint64_t samples_;
  std::uint64_t first_;
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
