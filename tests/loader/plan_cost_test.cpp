// What a position costs, in datasets of every size.

#include "millrace/loader/plan.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

TEST_CASE("ten billion samples: position_of undoes at, nothing comes twice") {
  for_random_rounds(40, [](Random& random) {
    PlanOptions options;
    const std::uint64_t sources = random.in(1, 1000);
    for (std::uint64_t s = 0; s < sources; ++s) {
      options.sources.push_back({10'000'000'000 / sources + random.below(1000), 0, 0});
    }
    options.shuffle = true;
    options.seed = random.bits();
    const EpochPlan plan(options, random.below(1 << 20));
    std::set<std::pair<std::size_t, std::uint64_t>> seen;
    const std::uint64_t begin = random.below(plan.size() - 300);
    for (std::uint64_t p = begin; p < begin + 300; ++p) {
      const PlannedSample sample = plan.at(p);
      REQUIRE(seen.emplace(sample.source, sample.number).second);
      REQUIRE(plan.position_of(sample) == p);
    }
  });
}

// Time that the thread has worked, so that what else the machine does counts less.
double thread_nanoseconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Sanitizers slow down some loads and not others.
bool can_compare_times() {
  if (MILLRACE_TEST_SANITIZED != 0) std::cerr << "SKIPPED in a sanitizer build: comparing times\n";
  return MILLRACE_TEST_SANITIZED == 0;
}

// Nanoseconds of at() from `begin` on, the best of several tries.
double time_of_at(const EpochPlan& plan, std::uint64_t begin) {
  constexpr std::uint64_t kPositions = 2000;
  double best = 1e300;
  std::uint64_t sum = 0;
  for (int i = 0; i < 15; ++i) {
    const double start = thread_nanoseconds();
    for (std::uint64_t p = begin; p < begin + kPositions; ++p) sum += plan.at(p).number;
    best = std::min(best, (thread_nanoseconds() - start) / kPositions);
  }
  CHECK(sum > 0);
  return best;
}

TEST_CASE(
    "a position at 90 % of ten billion takes as long as the first one, whatever the sources") {
  if (!can_compare_times()) return;
  for (const std::uint64_t sources : {1, 2, 1000}) {
    CAPTURE(sources);
    PlanOptions options;
    for (std::uint64_t s = 0; s < sources; ++s) {
      options.sources.push_back({10'000'000'000 / sources, 0, 0});
    }
    options.shuffle = true;
    const EpochPlan plan(options, 3);
    const double at_start = time_of_at(plan, 0);
    const double at_90_percent = time_of_at(plan, plan.size() / 10 * 9);
    MESSAGE(sources << " sources: " << at_start << " ns at the start, " << at_90_percent
                    << " ns at 90 %");
    CHECK(at_90_percent < 3 * at_start);
  }
  PlanOptions endless;
  endless.sources = {{1000, 3, 0}, {10'000'000'000, 1, 0}};
  endless.shuffle = true;
  endless.samples_per_epoch = 1'000'000;
  const double first_epoch = time_of_at(EpochPlan(endless, 0), 0);
  CHECK(time_of_at(EpochPlan(endless, 1'000'000'000), 0) < 3 * first_epoch);
}

TEST_CASE("a million units: a position costs their logarithm, wherever it is") {
  if (!can_compare_times()) return;
  std::vector<std::uint64_t> samples(1'000'000);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i % 2000;
  const auto units = std::make_shared<const SampleCounts>(samples);
  PlanOptions options;
  options.sources = {{units->total(), 0, 0, units}};
  options.shuffle = true;
  const auto begin = std::chrono::steady_clock::now();
  const EpochPlan plan(options, 3);
  REQUIRE(plan.position_of(plan.at(12'345'678)) == 12'345'678);
  const std::chrono::duration<double, std::milli> planned =
      std::chrono::steady_clock::now() - begin;
  const double at_start = time_of_at(plan, 0);
  const double at_90_percent = time_of_at(plan, plan.size() / 10 * 9);
  MESSAGE("a million units: planned in " << planned.count() << " ms; " << at_start
                                         << " ns a position at the start, " << at_90_percent
                                         << " ns at 90 %");
  CHECK(at_90_percent < 4 * at_start);
}

TEST_CASE("a thousand sources cost the logarithm of a thousand") {
  if (!can_compare_times()) return;
  PlanOptions options;
  options.shuffle = true;
  options.sources.assign(2, {10'000'000, 0, 0});
  const double of_two = time_of_at(EpochPlan(options, 0), 1000);
  options.sources.assign(1024, {10'000'000, 0, 0});
  const double of_many = time_of_at(EpochPlan(options, 0), 1000);
  CHECK(of_many < 30 * of_two);  // ten levels instead of one, each out of colder memory
}

}  // namespace
}  // namespace millrace
