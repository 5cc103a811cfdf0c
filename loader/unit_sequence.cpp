#include "millrace/loader/unit_sequence.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace millrace {

UnitSequence::UnitSequence(std::shared_ptr<const SampleCounts> units,
                           std::optional<std::uint64_t> key)
    : units_(std::move(units)) {
  const std::uint64_t count = units_->shards();
  for (std::uint64_t unit = 0; unit < count; ++unit) {
    filled_units_ += units_->of_shard(unit) > 0 ? 1 : 0;
  }
  if (!key) return;
  order_.emplace(count, *key);
  begins_.reserve(count);
  std::uint64_t begin = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    begins_.push_back(begin);
    begin += units_->of_shard((*order_)(i));
  }
}

UnitSequence::Piece UnitSequence::piece(std::uint64_t place) const {
  assert(place < units_->total());
  if (!order_) {
    const std::uint64_t unit = units_->locate(place).shard;
    return {unit, units_->begin_of(unit), units_->begin_of(unit + 1)};
  }
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), place);
  const std::uint64_t begin = *(after - 1);
  const std::uint64_t unit = (*order_)(static_cast<std::uint64_t>(after - begins_.begin()) - 1);
  return {unit, begin, begin + units_->of_shard(unit)};
}

std::uint64_t UnitSequence::number_at(std::uint64_t place) const {
  if (!order_) return place;
  const Piece found = piece(place);
  return units_->begin_of(found.unit) + (place - found.begin);
}

std::uint64_t UnitSequence::place_of(std::uint64_t number) const {
  if (!order_) return number;
  const SampleId id = units_->locate(number);
  return begins_[order_->inverse(id.shard)] + id.index;
}

}  // namespace millrace
