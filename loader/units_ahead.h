#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "millrace/loader/plan.h"

namespace millrace {

/// A unit that an epoch will need.
struct UnitAhead {
  std::size_t source = 0;
  std::uint64_t unit = 0;
  /// 0: positions of the shuffle block that is being delivered may need it. 1: the next one's, and
  /// so on. Unshuffled, a block is one sample.
  std::uint64_t blocks = 0;
};

/// Calls `visit` with the units that a rank needs which stands at `position` of its own (below
/// plan.size()) and goes on in steps of `world_size`: in the order in which it may need them, until
/// `visit` returns false or the epoch has no more. A unit that two lanes share comes twice. Sources
/// without units are passed over.
void visit_units_ahead(const EpochPlan& plan, std::uint64_t position, std::uint64_t world_size,
                       const std::function<bool(const UnitAhead&)>& visit);

}  // namespace millrace
