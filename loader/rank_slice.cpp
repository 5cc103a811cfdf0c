#include "millrace/loader/rank_slice.h"

#include <algorithm>

namespace millrace {

RankSlice::RankSlice(std::uint64_t samples, std::uint64_t begin, std::uint64_t rank,
                     std::uint64_t world_size, std::uint64_t batch_size, bool drop_last,
                     std::uint64_t first)
    : samples_(samples),
      first_(first),
      begin_(std::min(begin, samples)),
      rank_(rank),
      world_size_(world_size),
      batch_size_(batch_size) {
  const std::uint64_t left = samples_ - begin_;
  const std::uint64_t own = left / world_size_ + (rank_ < left % world_size_ ? 1 : 0);
  if (drop_last) {
    batches_ = left / world_size_ / batch_size_;
    rank_samples_ = batches_ * batch_size_;
    expected_ = own;
    dropped_ = own - rank_samples_;
  } else {
    rank_samples_ = left / world_size_ + (left % world_size_ > 0 ? 1 : 0);
    batches_ = rank_samples_ / batch_size_ + (rank_samples_ % batch_size_ > 0 ? 1 : 0);
    expected_ = rank_samples_;
    dropped_ = 0;
  }
}

std::uint64_t RankSlice::batch_samples(std::uint64_t batch) const {
  return std::min(batch_size_, rank_samples_ - batch * batch_size_);
}

std::uint64_t RankSlice::position(std::uint64_t batch, std::uint64_t slot) const {
  const std::uint64_t position = begin_ + (batch * batch_size_ + slot) * world_size_ + rank_;
  if (position < samples_) return position;
  return first_ + (position - samples_) % (samples_ - first_);
}

bool RankSlice::is_padded(std::uint64_t batch, std::uint64_t slot) const {
  return begin_ + (batch * batch_size_ + slot) * world_size_ + rank_ >= samples_;
}

std::uint64_t RankSlice::position_after(std::uint64_t batches) const {
  return std::min(samples_, begin_ + batches * batch_size_ * world_size_);
}

}  // namespace millrace
