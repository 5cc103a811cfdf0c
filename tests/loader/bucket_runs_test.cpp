#include "millrace/loader/bucket_runs.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

TEST_CASE("Every sample of every bucket has one position, and runs are of one bucket") {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::uint64_t> samples;
    for (std::uint64_t b = random.in(1, 6); b > 0; --b) {
      samples.push_back(random.one_in(5) ? 0 : random.size(800));
    }
    samples.back() += 1;
    const std::uint64_t run = random.size(200);
    const BucketRuns runs(samples, run, random.bits());
    const std::uint64_t size = std::accumulate(samples.begin(), samples.end(), std::uint64_t{0});
    REQUIRE(runs.size() == size);

    std::vector<std::uint64_t> seen(samples.size(), 0);
    std::vector<std::uint64_t> strangers(samples.size(), 0);
    std::vector<std::vector<bool>> had;
    for (const std::uint64_t count : samples) had.emplace_back(count, false);
    for (std::uint64_t p = 0; p < size; ++p) {
      const std::size_t b = p % samples.size();
      REQUIRE(runs.count_before(p, b) == seen[b]);
      const BucketRuns::Turn turn = runs.at(p);
      REQUIRE(turn.bucket < samples.size());
      REQUIRE(turn.in_sequence < samples[turn.bucket]);
      REQUIRE(!had[turn.bucket][turn.in_sequence]);
      had[turn.bucket][turn.in_sequence] = true;
      REQUIRE(runs.position_of(turn) == p);
      REQUIRE(runs.bucket(p) == runs.bucket(p - p % run));
      // Left over of a bucket before; within the runs of a bucket, in the order of the sequence.
      REQUIRE(turn.bucket <= runs.bucket(p));
      strangers[turn.bucket] += turn.bucket != runs.bucket(p) ? 1 : 0;
      ++seen[turn.bucket];
    }
    CHECK(seen == samples);
    CHECK(*std::max_element(strangers.begin(), strangers.end()) < run);
  }
}

TEST_CASE("Runs are dealt out evenly over the epoch") {
  const BucketRuns runs({600'000, 300'000, 100'000}, 100, 7);
  for (const std::uint64_t tenth : {1U, 3U, 5U, 9U}) {
    const std::uint64_t position = tenth * 100'000;
    for (std::size_t b = 0; b < 3; ++b) {
      const std::uint64_t share = std::vector<std::uint64_t>{60'000, 30'000, 10'000}[b] * tenth;
      const std::uint64_t count = runs.count_before(position, b);
      CHECK((count > share ? count - share : share - count) < 100 * 100);
    }
  }
}

}  // namespace
}  // namespace millrace
