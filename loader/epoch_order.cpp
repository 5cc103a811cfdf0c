#include "millrace/loader/epoch_order.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace millrace {

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

std::uint64_t EpochOrder::lane_of(std::uint64_t in_sequence) const {
  const std::uint64_t shorter = samples_ / lanes_;
  const std::uint64_t longer_lanes = samples_ % lanes_;
  const std::uint64_t in_longer = longer_lanes * (shorter + 1);
  if (in_sequence < in_longer) return in_sequence / (shorter + 1);
  return longer_lanes + (in_sequence - in_longer) / shorter;
}

Permutation EpochOrder::permutation_within(const Place& place) const {
  const std::uint64_t block = place.block_begin / block_samples_;
  return {place.block_samples, mix(mix(key_, 2 + place.lane), block)};
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
  const std::uint64_t in_sequence =
      lane_begin(p.lane) + p.block_begin + permutation_within(p)(p.in_block);
  const std::uint64_t tail_number = segments_.size() * segment_samples_;
  if (tail_samples_ > 0 && in_sequence >= tail_begin_) {
    if (in_sequence < tail_begin_ + tail_samples_) return tail_number + (in_sequence - tail_begin_);
    const std::uint64_t shifted = in_sequence - tail_samples_;
    return segments_(shifted / segment_samples_) * segment_samples_ + shifted % segment_samples_;
  }
  return segments_(in_sequence / segment_samples_) * segment_samples_ +
         in_sequence % segment_samples_;
}

std::uint64_t EpochOrder::position_of(std::uint64_t number) const {
  assert(number < samples_);
  if (!shuffled_) return number;
  const std::uint64_t tail_number = segments_.size() * segment_samples_;
  std::uint64_t in_sequence = tail_begin_ + (number - tail_number);
  if (number < tail_number) {
    in_sequence =
        segments_.inverse(number / segment_samples_) * segment_samples_ + number % segment_samples_;
    if (in_sequence >= tail_begin_) in_sequence += tail_samples_;
  }
  const std::uint64_t lane = lane_of(in_sequence);
  const std::uint64_t in_lane = in_sequence - lane_begin(lane);
  const Place p = place(in_lane * lanes_ + lane);
  return (p.block_begin + permutation_within(p).inverse(p.in_block)) * lanes_ + lane;
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

}  // namespace millrace
