#include "millrace/loader/units_ahead.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace millrace {

namespace {

// A source from one of its turns on; `per_turn` positions of the epoch bring it one turn further.
struct Source {
  std::size_t number;
  std::uint64_t turn;
  std::uint64_t end;  // its turns in the epoch
  double per_turn;
};

/// The units of a lane, pass after pass.
class LaneCursor {
 public:
  LaneCursor(const EpochPlan& plan, const Source& source, std::uint64_t lane)
      : plan_(&plan),
        source_(&source),
        lane_(lane),
        pass_(source.turn / samples()),
        order_(plan.order(source.number, pass_)) {
    const std::uint64_t turn = source.turn % samples();
    const std::uint64_t position = (turn + order_.lanes() - 1 - lane) / order_.lanes();
    place_ = position / order_.block_samples() * order_.block_samples();
  }

  /// Goes to the next unit; false: there is none in the epoch.
  bool next() {
    std::optional<EpochOrder::UnitInLane> found = order_.unit_in_lane(lane_, place_);
    if (!found) {
      ++pass_;
      if (pass_ * samples() >= source_->end) return false;
      order_ = plan_->order(source_->number, pass_);
      found = order_.unit_in_lane(lane_, 0);
      if (!found) return false;
    }
    place_ = found->end;
    unit_ = found->unit;
    const std::uint64_t turn = pass_ * samples() + found->needed_at * order_.lanes() + lane_;
    turns_ahead_ = turn - std::min(turn, source_->turn);
    return true;
  }

  double positions_ahead() const { return static_cast<double>(turns_ahead_) * source_->per_turn; }
  UnitAhead unit() const {
    const std::uint64_t block = order_.block_samples() * order_.lanes();
    return {source_->number, unit_, (turns_ahead_ + block - 1) / block};
  }

 private:
  std::uint64_t samples() const { return plan_->options().sources[source_->number].samples; }

  const EpochPlan* plan_;
  const Source* source_;
  std::uint64_t lane_;
  std::uint64_t pass_;
  EpochOrder order_;
  std::uint64_t place_ = 0;
  std::uint64_t unit_ = 0;
  std::uint64_t turns_ahead_ = 0;
};

struct Later {
  bool operator()(const LaneCursor& a, const LaneCursor& b) const {
    return a.positions_ahead() > b.positions_ahead();
  }
};

std::vector<Source> sources_of(const EpochPlan& plan, std::uint64_t position) {
  const std::vector<std::uint64_t> turns = plan.taken(position);
  const std::vector<std::uint64_t> ends = plan.taken(plan.size());
  const std::vector<std::uint64_t> shares = plan.shares();
  const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<Source> sources;
  for (std::size_t s = 0; s < turns.size(); ++s) {
    if (plan.options().sources[s].units == nullptr || turns[s] >= ends[s]) continue;
    sources.push_back({s, turns[s], ends[s], all / static_cast<double>(shares[s])});
  }
  return sources;
}

}  // namespace

void visit_units_ahead(const EpochPlan& plan, std::uint64_t position, std::uint64_t world_size,
                       const std::function<bool(const UnitAhead&)>& visit) {
  const std::vector<Source> sources = sources_of(plan, position);
  std::priority_queue<LaneCursor, std::vector<LaneCursor>, Later> cursors;
  for (const Source& source : sources) {
    const std::uint64_t lanes =
        plan.order(source.number, source.turn / plan.options().sources[source.number].samples)
            .lanes();
    // In a mixture, a rank's positions fall on every lane of each source.
    const bool is_alone = plan.options().sources.size() == 1;
    const std::uint64_t step = is_alone ? std::gcd(world_size, lanes) : 1;
    const std::uint64_t turn = source.turn % plan.options().sources[source.number].samples;
    for (std::uint64_t lane = turn % step; lane < lanes; lane += step) {
      LaneCursor cursor(plan, source, lane);
      if (cursor.next()) cursors.push(std::move(cursor));
    }
  }
  while (!cursors.empty()) {
    LaneCursor cursor = cursors.top();
    cursors.pop();
    if (!visit(cursor.unit())) return;
    if (cursor.next()) cursors.push(std::move(cursor));
  }
}

}  // namespace millrace
