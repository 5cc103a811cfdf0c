#include "millrace/loader/plan.h"

#include <algorithm>
#include <bit>
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

namespace {

// Lanes bound how many ranks read disjoint parts of the data; more of them thin the window of each.
constexpr std::uint64_t kMostLanes = 64;
// A window mixes about this many segments, so this many places of the dataset.
constexpr std::uint64_t kSegmentsInWindow = 256;
constexpr std::uint64_t kLongestSegment = 1024;

// A lane has at least so many samples: the substitutes of a bad one come out of its lane.
constexpr std::uint64_t kFewestInLane = 256;

std::uint64_t lanes_for(std::uint64_t samples, std::uint64_t window) {
  const std::uint64_t windows = samples / std::max(window, kFewestInLane);
  return windows < 1 ? 1 : std::min(kMostLanes, std::bit_floor(windows));
}

}  // namespace

EpochOrder::EpochOrder(std::uint64_t samples, const Shuffle& shuffle)
    : samples_(samples),
      shuffled_(shuffle.on),
      key_(mix(shuffle.seed, shuffle.epoch)),
      segment_samples_(
          std::clamp<std::uint64_t>(shuffle.window / kSegmentsInWindow, 1, kLongestSegment)),
      lanes_(shuffle.on ? lanes_for(samples, shuffle.window) : 1),
      block_samples_(std::max<std::uint64_t>(1, shuffle.window / lanes_)),
      segments_(samples / segment_samples_, mix(key_, 0)) {
  tail_samples_ = samples % segment_samples_;
  if (tail_samples_ > 0) tail_begin_ = mix(key_, 1) % (segments_.size() + 1) * segment_samples_;
}

// The first samples % lanes lanes have one sample more.
std::uint64_t EpochOrder::lane_begin(std::uint64_t lane) const {
  return lane * (samples_ / lanes_) + std::min(lane, samples_ % lanes_);
}

EpochOrder::Place EpochOrder::place(std::uint64_t position) const {
  assert(position < samples_);
  const std::uint64_t lane = position % lanes_;
  const std::uint64_t in_lane = position / lanes_;
  const std::uint64_t lane_samples = lane_begin(lane + 1) - lane_begin(lane);
  const std::uint64_t block_begin = in_lane / block_samples_ * block_samples_;
  return {lane, lane_samples, block_begin, std::min(block_samples_, lane_samples - block_begin),
          in_lane - block_begin};
}

std::uint64_t EpochOrder::at(std::uint64_t position) const {
  if (!shuffled_) return position;
  const Place p = place(position);
  const std::uint64_t block = p.block_begin / block_samples_;
  const Permutation inside(p.block_samples, mix(mix(key_, 2 + p.lane), block));
  const std::uint64_t in_sequence = lane_begin(p.lane) + p.block_begin + inside(p.in_block);
  const std::uint64_t tail_number = segments_.size() * segment_samples_;
  if (tail_samples_ > 0 && in_sequence >= tail_begin_) {
    if (in_sequence < tail_begin_ + tail_samples_) return tail_number + (in_sequence - tail_begin_);
    const std::uint64_t shifted = in_sequence - tail_samples_;
    return segments_(shifted / segment_samples_) * segment_samples_ + shifted % segment_samples_;
  }
  return segments_(in_sequence / segment_samples_) * segment_samples_ +
         in_sequence % segment_samples_;
}

std::uint64_t EpochOrder::substitutes(std::uint64_t position) const {
  return place(position).lane_samples - 1;
}

std::uint64_t EpochOrder::substitute(std::uint64_t position, std::uint64_t attempt) const {
  const Place p = place(position);
  const std::uint64_t in_lane = attempt < p.block_samples
                                    ? p.block_begin + (p.in_block + attempt) % p.block_samples
                                    : (p.block_begin + attempt) % p.lane_samples;
  return in_lane * lanes_ + p.lane;
}

RankSlice::RankSlice(std::uint64_t samples, std::uint64_t begin, std::uint64_t rank,
                     std::uint64_t world_size, std::uint64_t batch_size, bool drop_last)
    : samples_(samples),
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
  return position < samples_ ? position : position % samples_;
}

bool RankSlice::is_padded(std::uint64_t batch, std::uint64_t slot) const {
  return begin_ + (batch * batch_size_ + slot) * world_size_ + rank_ >= samples_;
}

std::uint64_t RankSlice::position_after(std::uint64_t batches) const {
  return std::min(samples_, begin_ + batches * batch_size_ * world_size_);
}

}  // namespace millrace
