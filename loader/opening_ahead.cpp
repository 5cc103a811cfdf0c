#include "millrace/loader/opening_ahead.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "millrace/loader/units_ahead.h"

namespace millrace {

std::vector<OpeningAhead::Unit> OpeningAhead::wanted_from(std::uint64_t number) const {
  const RankSlice& slice = epoch_->slice;
  const std::uint64_t oldest = number - std::min(number, in_flight_);
  std::vector<Unit> wanted;
  if (slice.is_padded(oldest, 0)) return wanted;
  std::uint64_t bytes = 0;
  std::size_t ahead = 0;
  // Up to the end of the next block, because all lanes come to the end of theirs together; and of
  // large units one a thread, so that unpacking is spread over the threads.
  const auto visit = [&](const UnitAhead& next) {
    if (next.blocks > 1 && ahead >= threads_.count) return false;
    const Dataset& dataset = *epoch_->datasets[next.source];
    const Unit unit{next.source, next.unit};
    if (std::find(wanted.begin(), wanted.end(), unit) != wanted.end()) return true;
    bytes += dataset.catalog().unpacked_bytes(next.unit);
    const OpenShards& open = dataset.open_shards();
    if (bytes > open.limits().unpacked_bytes || wanted.size() == open.most_unpacked()) {
      return false;
    }
    wanted.push_back(unit);
    ahead += next.blocks > 0 ? 1 : 0;
    return true;
  };
  visit_units_ahead(epoch_->plan, slice.position(oldest, 0), slice.world_size(), visit);
  return wanted;
}

void OpeningAhead::announce(std::uint64_t number) {
  std::vector<Unit> wanted = wanted_from(number);
  std::deque<Unit> to_open;
  // The most urgent one is to be the one used last: what must go is what is not wanted, then what
  // is needed last.
  std::reverse(wanted.begin(), wanted.end());
  for (const Unit& unit : wanted) {
    if (epoch_->datasets[unit.source]->renew(unit.shard)) to_open.push_front(unit);
  }
  const std::lock_guard lock(mutex_);
  to_open_ = std::move(to_open);
  while (posted_ < std::min(threads_.count, to_open_.size())) post();
}

void OpeningAhead::post() {
  ++posted_;
  threads_.post([self = shared_from_this()] { self->open_next(); });
}

void OpeningAhead::open_next() {
  std::unique_lock lock(mutex_);
  if (!to_open_.empty()) {
    const Unit unit = to_open_.front();
    to_open_.pop_front();
    lock.unlock();
    try {
      epoch_->datasets[unit.source]->open_ahead(unit.shard);
    } catch (...) {  // NOLINT(bugprone-empty-catch): who reads a sample of it meets that again
    }
    lock.lock();
  }
  --posted_;
  // Behind what waits by now: samples that can be made come before shards that are not needed yet.
  if (posted_ < to_open_.size()) post();
}

void OpeningAhead::stop() {
  const std::lock_guard lock(mutex_);
  to_open_.clear();
}

}  // namespace millrace
