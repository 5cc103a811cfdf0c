#include "millrace/loader/rank_slice.h"

#include <algorithm>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/loader/plan.h"
#include "random_rounds.h"

namespace millrace {
namespace {

TEST_CASE(
    "the ranks share an epoch out: equal numbers, nothing twice, what is missing is counted") {
  for_random_rounds(400, [](Random& random) {
    const std::uint64_t samples = random.size(500);
    const std::uint64_t begin = random.below(samples + 1);
    const std::uint64_t first = random.below(begin + 1);
    const std::uint64_t world = random.in(1, 9);
    const std::uint64_t batch = random.in(1, 40);
    const bool drop_last = random.one_in(2);
    std::vector<std::uint64_t> times(samples, 0);
    std::uint64_t expected = 0;
    std::uint64_t dropped = 0;
    std::uint64_t padded = 0;
    std::set<std::uint64_t> batches;
    std::set<std::uint64_t> delivered;
    for (std::uint64_t rank = 0; rank < world; ++rank) {
      const RankSlice slice(samples, begin, rank, world, batch, drop_last, first);
      batches.insert(slice.batches());
      expected += slice.expected();
      dropped += slice.dropped();
      std::uint64_t count = 0;
      for (std::uint64_t b = 0; b < slice.batches(); ++b) {
        for (std::uint64_t s = 0; s < slice.batch_samples(b); ++s, ++count) {
          const std::uint64_t position = slice.position(b, s);
          REQUIRE(position >= first);
          REQUIRE(position < samples);
          if (slice.is_padded(b, s)) {
            ++padded;
          } else {
            ++times[position];
          }
        }
      }
      delivered.insert(count);
      REQUIRE(slice.expected() == count + slice.dropped());
      REQUIRE(slice.position_after(slice.batches()) <= samples);
    }
    REQUIRE(batches.size() == 1);
    REQUIRE(delivered.size() == 1);
    REQUIRE(expected == samples - begin + padded);
    REQUIRE((drop_last ? padded : dropped) == 0);
    // No more is dropped or padded than has to be.
    REQUIRE(dropped < world * batch);
    REQUIRE(padded < world);
    std::uint64_t missing = 0;
    for (std::uint64_t p = 0; p < samples; ++p) {
      REQUIRE(times[p] <= (p < begin ? 0U : 1U));
      if (p >= begin && times[p] == 0) ++missing;
    }
    REQUIRE(missing == dropped);
  });
}

TEST_CASE("what pads the end does not depend on where the run was resumed") {
  for_random_rounds(200, [](Random& random) {
    const std::uint64_t samples = random.in(20, 500);
    const std::uint64_t world = random.in(1, 9);
    const std::uint64_t batch = random.in(1, 10);
    const std::uint64_t first = random.below(10);
    const auto padding = [&](std::uint64_t begin) {
      std::vector<std::uint64_t> positions;
      for (std::uint64_t rank = 0; rank < world; ++rank) {
        const RankSlice slice(samples, begin, rank, world, batch, false, first);
        const std::uint64_t b = slice.batches() - 1;
        const std::uint64_t s = slice.batch_samples(b) - 1;
        if (slice.is_padded(b, s)) positions.push_back(slice.position(b, s));
      }
      return positions;
    };
    const RankSlice whole(samples, first, 0, world, batch, false, first);
    const std::uint64_t resumed = whole.position_after(random.below(whole.batches()));
    REQUIRE(padding(resumed) == padding(first));
  });
}

// One of each kind of epoch, with some thousand positions.
PlanOptions random_plan(Random& random) {
  PlanOptions options;
  const std::uint64_t sources = random.in(1, 4);
  for (std::uint64_t s = 0; s < sources; ++s) options.sources.push_back({random.in(1, 1200), 0, 0});
  options.shuffle = !random.one_in(4);
  options.shuffle_window = random.size(2000);
  options.seed = random.bits();
  switch (random.below(4)) {
    case 0:
      break;
    case 1:
      for (PlanSource& source : options.sources) source.samples_per_epoch = random.in(1, 1500);
      break;
    case 2:
      options.samples_per_epoch = random.in(1, 4000);
      break;
    default:
      for (PlanSource& source : options.sources)
        source.weight = static_cast<double>(random.in(1, 9));
  }
  return options;
}

// What all ranks deliver in one step of `slices`, in the order of positions.
void deliver(const EpochPlan& plan, std::vector<RankSlice>& ranks, std::uint64_t step,
             std::vector<PlannedSample>& sequence) {
  for (std::uint64_t slot = 0; slot < ranks.front().batch_samples(step); ++slot) {
    for (const RankSlice& rank : ranks) {
      if (!rank.is_padded(step, slot)) sequence.push_back(plan.at(rank.position(step, slot)));
    }
  }
}

TEST_CASE("1 -> 2 -> 8 -> 3 ranks, stopped anywhere, deliver the same global sequence") {
  for_random_rounds(150, [](Random& random) {
    const EpochPlan plan(random_plan(random), random.below(3));
    std::vector<PlannedSample> expected;
    for (std::uint64_t p = 0; p < plan.size(); ++p) expected.push_back(plan.at(p));
    std::vector<PlannedSample> sequence;
    std::uint64_t position = 0;
    std::vector<std::uint64_t> worlds = {1, 2, 8, 3};
    for (std::size_t run = 0; position < plan.size(); ++run) {
      const std::uint64_t world = run < worlds.size() ? worlds[run] : random.in(1, 12);
      const std::uint64_t batch = 48 / world;
      std::vector<RankSlice> ranks;
      for (std::uint64_t rank = 0; rank < world; ++rank) {
        ranks.emplace_back(plan.size(), position, rank, world, batch, false);
      }
      const std::uint64_t steps = std::min(ranks.front().batches(), random.in(1, 20));
      for (std::uint64_t step = 0; step < steps; ++step) deliver(plan, ranks, step, sequence);
      position = ranks.front().position_after(steps);
      REQUIRE(sequence.size() == position);
    }
    REQUIRE(sequence == expected);
  });
}

TEST_CASE("the same global batch holds the same samples at every world size, dropped or padded") {
  for_random_rounds(60, [](Random& random) {
    const EpochPlan plan(random_plan(random), 1);
    const bool drop_last = random.one_in(2);
    const auto steps = [&](std::uint64_t world) {
      std::vector<RankSlice> ranks;
      for (std::uint64_t rank = 0; rank < world; ++rank) {
        ranks.emplace_back(plan.size(), 0, rank, world, 48 / world, drop_last);
      }
      std::vector<std::vector<PlannedSample>> steps_of(ranks.front().batches());
      for (std::uint64_t b = 0; b < steps_of.size(); ++b) deliver(plan, ranks, b, steps_of[b]);
      return steps_of;
    };
    const auto alone = steps(1);
    for (const std::uint64_t world : {2, 3, 8, 16, 48}) REQUIRE(steps(world) == alone);
  });
}

TEST_CASE("where the world size divides the lanes, a rank reads its own lanes only") {
  const EpochOrder order(100'000, {true, 1000, 1, 0});
  REQUIRE(order.lanes() == 64);
  const RankSlice slice(100'000, 0, 3, 8, 100, false);
  for (std::uint64_t b = 0; b < slice.batches(); ++b) {
    for (std::uint64_t s = 0; s < slice.batch_samples(b); ++s) {
      REQUIRE(slice.position(b, s) % order.lanes() % 8 == 3);
    }
  }
}

}  // namespace
}  // namespace millrace
