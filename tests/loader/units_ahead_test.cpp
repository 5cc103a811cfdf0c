#include "millrace/loader/units_ahead.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "loader/random_rounds.h"

namespace millrace {
namespace {

std::vector<UnitAhead> units_ahead(const EpochPlan& plan, std::uint64_t position,
                                   std::uint64_t world_size) {
  std::vector<UnitAhead> units;
  visit_units_ahead(plan, position, world_size, [&](const UnitAhead& unit) {
    units.push_back(unit);
    return true;
  });
  return units;
}

PlanOptions random_options(Random& random) {
  PlanOptions options;
  const std::uint64_t sources = random.one_in(2) ? 1 : random.in(2, 4);
  for (std::uint64_t s = 0; s < sources; ++s) {
    std::vector<std::uint64_t> units(random.in(1, 60));
    for (std::uint64_t& samples : units) samples = random.one_in(6) ? 0 : random.in(1, 40);
    units.back() = 5;
    auto counts = std::make_shared<const SampleCounts>(units);
    options.sources.push_back({counts->total(), 0, 0, counts});
    if (sources > 1 && random.one_in(3)) options.sources.back().units = nullptr;
    if (random.one_in(2)) options.sources.back().weight = 1;
  }
  options.shuffle = !random.one_in(4);
  options.shuffle_window = random.size(600);
  options.seed = random.bits();
  if (random.one_in(3)) options.samples_per_epoch = random.in(1, 3000);
  if (random.one_in(2)) options.stop_at = StopAt::last_exhausted;
  return options;
}

TEST_CASE("what a rank will need is named, nothing before what is needed in an earlier block") {
  for_random_rounds(150, [](Random& random) {
    const EpochPlan plan(random_options(random), random.below(3));
    if (plan.size() == 0 || plan.size() > 50'000) return;
    const std::uint64_t world_size =
        random.one_in(2) ? std::uint64_t{1} << random.below(5) : random.in(1, 9);
    const std::uint64_t begin = random.below(plan.size());
    const std::vector<UnitAhead> named = units_ahead(plan, begin, world_size);
    std::set<std::pair<std::size_t, std::uint64_t>> units;
    for (const UnitAhead& unit : named) units.emplace(unit.source, unit.unit);
    for (std::uint64_t p = begin; p < plan.size(); p += world_size) {
      const PlannedSample sample = plan.at(p);
      const PlanSource& source = plan.options().sources[sample.source];
      if (source.units == nullptr) continue;
      REQUIRE(units.contains({sample.source, source.units->locate(sample.number).shard}));
    }
    if (plan.options().sources.size() > 1) return;
    REQUIRE(std::is_sorted(named.begin(), named.end(),
                           [](const auto& a, const auto& b) { return a.blocks < b.blocks; }));
    // What block 0 needs is named as such.
    const EpochOrder order =
        plan.order(0, plan.taken(begin)[0] / plan.options().sources[0].samples);
    std::set<std::uint64_t> now;
    for (const UnitAhead& unit : named) {
      if (unit.blocks == 0) now.insert(unit.unit);
    }
    const std::uint64_t block = order.block_samples() * order.lanes();
    const std::uint64_t in_pass = plan.taken(begin)[0] % order.size();
    const std::uint64_t left = std::min(block - in_pass % block, order.size() - in_pass);
    for (std::uint64_t p = begin; p < std::min(plan.size(), begin + left); p += world_size) {
      REQUIRE(now.contains(order.has_units()
                               ? plan.options().sources[0].units->locate(plan.at(p).number).shard
                               : 0));
    }
  });
}

TEST_CASE("where the world size divides the lanes, a rank is named the units of its own lanes") {
  const auto units = std::make_shared<const SampleCounts>(std::vector<std::uint64_t>(400, 100));
  PlanOptions options;
  options.sources = {{units->total(), 0, 0, units}};
  options.shuffle = true;
  options.shuffle_window = 1600;
  const EpochPlan plan(options, 0);
  REQUIRE(plan.order(0, 0).lanes() == 8);
  std::size_t named = 0;
  for (std::uint64_t rank = 0; rank < 8; ++rank) {
    const std::size_t own = units_ahead(plan, rank, 8).size();
    CHECK(own <= 400 / 8 + 2);
    named += own;
  }
  CHECK(named <= 400 + 7);  // a unit may be split between two lanes
  CHECK(units_ahead(plan, 0, 1).size() == named);
}

}  // namespace
}  // namespace millrace
