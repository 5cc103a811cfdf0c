#include "millrace/loader/epoch_order.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <optional>
#include <utility>

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

constexpr std::uint64_t kMostUnitLanes = 8;
constexpr std::uint64_t kFewestUnitsInLane = 4;
// A lane's block is at least this part of a unit.
constexpr std::uint64_t kBlocksInUnit = 4;

std::uint64_t mean_samples(const UnitSequence& units) {
  const std::uint64_t filled = units.filled_units();
  return (units.counts().total() + filled - 1) / filled;
}

std::uint64_t lanes_for(const UnitSequence& units, std::uint64_t window) {
  const std::uint64_t lanes = std::min({lanes_for(units.counts().total(), window), kMostUnitLanes,
                                        units.filled_units() / kFewestUnitsInLane,
                                        window / (mean_samples(units) / kBlocksInUnit + 1)});
  return lanes < 1 ? 1 : std::bit_floor(lanes);
}

std::shared_ptr<const UnitSequence> sequence_of(std::shared_ptr<const SampleCounts> units,
                                                const EpochOrder::Shuffle& shuffle) {
  std::optional<std::uint64_t> key;
  if (shuffle.on) key = mix(mix(shuffle.seed, shuffle.epoch), 0);
  return std::make_shared<const UnitSequence>(std::move(units), key);
}

}  // namespace

EpochOrder::EpochOrder(std::shared_ptr<const SampleCounts> units, const Shuffle& shuffle)
    : EpochOrder(sequence_of(std::move(units), shuffle), shuffle) {}

EpochOrder::EpochOrder(std::shared_ptr<const UnitSequence> units, const Shuffle& shuffle)
    : samples_(units->counts().total()),
      shuffled_(shuffle.on),
      key_(mix(shuffle.seed, shuffle.epoch)),
      segment_samples_(mean_samples(*units)),
      lanes_(shuffle.on ? lanes_for(*units, shuffle.window) : 1),
      block_samples_(std::max<std::uint64_t>(1, shuffle.window / lanes_)),
      units_(std::move(units)),
      segments_(0, 0) {}

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
  return number_at(lane_begin(p.lane) + p.block_begin + permutation_within(p)(p.in_block));
}

std::uint64_t EpochOrder::number_at(std::uint64_t in_sequence) const {
  if (units_ != nullptr) return units_->number_at(in_sequence);
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
  const std::uint64_t in_sequence = in_sequence_of(number);
  const std::uint64_t lane = lane_of(in_sequence);
  const std::uint64_t in_lane = in_sequence - lane_begin(lane);
  const Place p = place(in_lane * lanes_ + lane);
  return (p.block_begin + permutation_within(p).inverse(p.in_block)) * lanes_ + lane;
}

std::uint64_t EpochOrder::in_sequence_of(std::uint64_t number) const {
  if (units_ != nullptr) return units_->place_of(number);
  const std::uint64_t tail_number = segments_.size() * segment_samples_;
  if (number >= tail_number) return tail_begin_ + (number - tail_number);
  const std::uint64_t in_full =
      segments_.inverse(number / segment_samples_) * segment_samples_ + number % segment_samples_;
  return in_full < tail_begin_ ? in_full : in_full + tail_samples_;
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

std::optional<EpochOrder::UnitInLane> EpochOrder::unit_in_lane(std::uint64_t lane,
                                                               std::uint64_t place) const {
  assert(has_units() && lane < lanes_);
  const std::uint64_t begin = lane_begin(lane);
  const std::uint64_t lane_samples = lane_begin(lane + 1) - begin;
  if (place >= lane_samples) return std::nullopt;
  const UnitSequence::Piece piece = units_->piece(begin + place);
  const std::uint64_t first = std::max(piece.begin, begin) - begin;
  return UnitInLane{piece.unit, first / block_samples() * block_samples(),
                    std::min(piece.end - begin, lane_samples)};
}

}  // namespace millrace
