#include "millrace/loader/epoch_order.h"
#include "millrace/loader/rank_slice.h"
#include "millrace/loader/sample_counts.h"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace millrace {
namespace {

std::vector<std::uint64_t> order_of(const EpochOrder& order) {
  std::vector<std::uint64_t> samples;
  for (std::uint64_t i = 0; i < order.size(); ++i) samples.push_back(order.at(i));
  return samples;
}

bool is_permutation_of_all(std::vector<std::uint64_t> samples) {
  std::sort(samples.begin(), samples.end());
  for (std::uint64_t i = 0; i < samples.size(); ++i) {
    if (samples[i] != i) return false;
  }
  return true;
}

struct RandomCase {
  std::uint64_t samples;
  EpochOrder::Shuffle shuffle;
};

RandomCase random_case(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::uint64_t samples = 1 + below(std::uint64_t{1} << (1 + below(13)));
  return {samples,
          {below(8) != 0, 1 + below(std::uint64_t{1} << (1 + below(13))), random(), below(4)}};
}

TEST_CASE("a permutation takes every value once, whatever its size and key") {
  for (std::uint64_t size = 1; size < 700; size += 1 + size / 9) {
    for (std::uint64_t key = 0; key < 5; ++key) {
      const Permutation permutation(size, key);
      std::vector<std::uint64_t> values;
      for (std::uint64_t i = 0; i < size; ++i) values.push_back(permutation(i));
      CHECK(is_permutation_of_all(values));
    }
  }
}

TEST_CASE("an epoch delivers every sample once, for random sizes, windows, seeds and epochs") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 400; ++i) {
    const RandomCase c = random_case(random);
    CAPTURE(c.samples);
    CAPTURE(c.shuffle.window);
    REQUIRE(is_permutation_of_all(order_of(EpochOrder(c.samples, c.shuffle))));
  }
}

TEST_CASE("unshuffled, position i is sample i") {
  const EpochOrder order(1000, {false, 10, 3, 4});
  for (std::uint64_t i = 0; i < 1000; ++i) CHECK(order.at(i) == i);
}

TEST_CASE("the order is the same for the same seed and epoch, and another for others") {
  const auto order = [](std::uint64_t seed, std::uint64_t epoch) {
    return order_of(EpochOrder(5000, {true, 512, seed, epoch}));
  };
  CHECK(order(1, 0) == order(1, 0));
  CHECK(order(1, 0) != order(1, 1));
  CHECK(order(1, 0) != order(2, 0));
  CHECK(order(1, 1) != order(2, 0));
}

TEST_CASE("a window over the whole dataset mixes the whole dataset") {
  const auto samples = order_of(EpochOrder(4096, {true, 1 << 20, 5, 0}));
  double distance = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    distance += std::abs(static_cast<double>(samples[i]) - static_cast<double>(i));
  }
  // A random permutation moves a sample by a third of the length on average.
  CHECK(distance / 4096 == doctest::Approx(4096 / 3.0).epsilon(0.1));
}

TEST_CASE("a position's substitutes are the other positions of its lane, each once") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 50; ++i) {
    const RandomCase c = random_case(random);
    const EpochOrder order(c.samples, c.shuffle);
    const std::uint64_t position = random() % c.samples;
    std::set<std::uint64_t> seen = {position};
    for (std::uint64_t attempt = 1; attempt <= order.substitutes(position); ++attempt) {
      const std::uint64_t other = order.substitute(position, attempt);
      REQUIRE(other < c.samples);
      REQUIRE(other % order.lanes() == position % order.lanes());
      REQUIRE(seen.insert(other).second);
    }
  }
}

TEST_CASE("where the world size divides the lanes, a rank reads its own lanes only") {
  const EpochOrder order(100'000, {true, 1000, 1, 0});
  REQUIRE(order.lanes() == 64);
  for (std::uint64_t step = 0; step < 1000; ++step) {
    CHECK((step * 8 + 3) % order.lanes() % 8 == 3);
  }
}

TEST_CASE(
    "the ranks share an epoch out: equal numbers, nothing twice, what is missing is counted") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t samples = 1 + random() % 500;
    const std::uint64_t begin = random() % (samples + 1);
    const std::uint64_t world = 1 + random() % 9;
    const std::uint64_t batch = 1 + random() % 40;
    const bool drop_last = random() % 2 == 0;
    std::vector<std::uint64_t> times(samples, 0);
    std::uint64_t expected = 0;
    std::uint64_t dropped = 0;
    std::uint64_t padded = 0;
    std::set<std::uint64_t> batches;
    std::set<std::uint64_t> delivered;
    for (std::uint64_t rank = 0; rank < world; ++rank) {
      const RankSlice slice(samples, begin, rank, world, batch, drop_last);
      batches.insert(slice.batches());
      expected += slice.expected();
      dropped += slice.dropped();
      std::uint64_t count = 0;
      for (std::uint64_t b = 0; b < slice.batches(); ++b) {
        for (std::uint64_t s = 0; s < slice.batch_samples(b); ++s, ++count) {
          if (slice.is_padded(b, s)) {
            ++padded;
          } else {
            ++times[slice.position(b, s)];
          }
        }
      }
      delivered.insert(count);
      CHECK(slice.expected() == count + slice.dropped());
    }
    CHECK(batches.size() == 1);
    CHECK(delivered.size() == 1);
    CHECK(expected == samples - begin + padded);
    CHECK((drop_last ? padded : dropped) == 0);
    std::uint64_t missing = 0;
    for (std::uint64_t p = 0; p < samples; ++p) {
      CHECK(times[p] <= (p < begin ? 0U : 1U));
      if (p >= begin && times[p] == 0) ++missing;
    }
    CHECK(missing == dropped);
  }
}

TEST_CASE("a run resumed at other world sizes goes on with exactly the samples not delivered") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t samples = 50 + random() % 2000;
    std::uint64_t position = 0;
    std::vector<std::uint64_t> times(samples, 0);
    while (position < samples) {
      const std::uint64_t world = 1 + random() % 8;
      const std::uint64_t batch = 1 + random() % 20;
      const std::uint64_t stop_after = 1 + random() % 6;
      std::uint64_t next = position;
      for (std::uint64_t rank = 0; rank < world; ++rank) {
        const RankSlice slice(samples, position, rank, world, batch, false);
        const std::uint64_t batches = std::min(stop_after, slice.batches());
        for (std::uint64_t b = 0; b < batches; ++b) {
          for (std::uint64_t s = 0; s < slice.batch_samples(b); ++s) {
            if (!slice.is_padded(b, s)) ++times[slice.position(b, s)];
          }
        }
        next = slice.position_after(batches);
      }
      position = next;
    }
    CHECK(std::all_of(times.begin(), times.end(), [](std::uint64_t t) { return t == 1; }));
  }
}

TEST_CASE("the same global batch gives the same global sequence at every world size") {
  const std::uint64_t samples = 4800;
  const EpochOrder order(samples, {true, 300, 9, 2});
  const auto global = [&](std::uint64_t world) {
    std::vector<std::set<std::uint64_t>> steps;
    for (std::uint64_t rank = 0; rank < world; ++rank) {
      const RankSlice slice(samples, 0, rank, world, 48 / world, false);
      steps.resize(slice.batches());
      for (std::uint64_t b = 0; b < slice.batches(); ++b) {
        for (std::uint64_t s = 0; s < slice.batch_samples(b); ++s) {
          steps[b].insert(order.at(slice.position(b, s)));
        }
      }
    }
    return steps;
  };
  for (const std::uint64_t world : {2, 3, 8, 16}) CHECK(global(world) == global(1));
}

TEST_CASE("a sample is found in its shard, empty shards or not") {
  const std::vector<std::uint64_t> counts = {0, 3, 0, 0, 2, 1, 0};
  const SampleCounts sums(counts);
  CHECK(sums.total() == 6);
  std::vector<SampleId> ids;
  for (std::uint64_t n = 0; n < 6; ++n) ids.push_back(sums.locate(n));
  CHECK(ids == std::vector<SampleId>{{1, 0}, {1, 1}, {1, 2}, {4, 0}, {4, 1}, {5, 0}});
}

TEST_CASE("a position of a huge epoch is found without planning the epoch") {
  const std::uint64_t samples = 10'000'000'000;
  const EpochOrder order(samples, {true, 16384, 1, 0});
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 10'000; ++i) seen.insert(order.at(samples / 10 * 9 + i));
  CHECK(seen.size() == 10'000);
  CHECK(*seen.rbegin() < samples);
}

}  // namespace
}  // namespace millrace
