#include "millrace/loader/unit_passes.h"

#include <algorithm>

namespace millrace {

namespace {

// Two passes are in use where one ends and the next begins; many, where a batch holds several
// passes over a small source.
constexpr std::uint64_t kFewestKept = 2;
constexpr std::uint64_t kMostKept = 32;
constexpr std::uint64_t kUnitsKept = std::uint64_t{1} << 16;

}  // namespace

EpochOrder UnitPasses::order(std::size_t source, std::uint64_t pass,
                             const std::shared_ptr<const SampleCounts>& units,
                             const EpochOrder::Shuffle& shuffle) {
  Source& passes = sources_[source];
  const std::lock_guard lock(passes.mutex);
  std::list<Kept>& kept = passes.kept;
  const auto found = std::find_if(kept.begin(), kept.end(),
                                  [&](const Kept& candidate) { return candidate.pass == pass; });
  if (found != kept.end()) {
    kept.splice(kept.begin(), kept, found);
  } else {
    // Made under the lock: whoever else asks now needs it as well.
    kept.push_front({pass, EpochOrder(units, shuffle)});
    const std::uint64_t most = std::clamp(kUnitsKept / std::max<std::uint64_t>(1, units->shards()),
                                          kFewestKept, kMostKept);
    if (kept.size() > most) kept.pop_back();
  }
  return kept.front().order;
}

}  // namespace millrace
