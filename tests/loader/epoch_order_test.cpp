#include "millrace/loader/epoch_order.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

constexpr std::uint64_t kTenBillion = 10'000'000'000;

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

// Sample counts where something begins or ends: windows, lanes, segments, primes.
std::uint64_t random_samples(Random& random, std::uint64_t window) {
  constexpr std::uint64_t kPrimes[] = {2, 3, 5, 7, 251, 509, 1021, 4093, 8191, 16381};
  switch (random.below(5)) {
    case 0:
      return kPrimes[random.below(std::size(kPrimes))];
    case 1: {  // about some windows
      const std::uint64_t samples = window * random.in(1, 5) + random.below(5);
      return samples < 3 || samples > 30'000 ? random.in(1, 30'000) : samples - 2;
    }
    case 2:  // about the least lanes
      return 256 * random.in(1, 70) + random.below(3) - 1;
    default:
      return random.size(30'000);
  }
}

EpochOrder::Shuffle random_shuffle(Random& random) {
  return {!random.one_in(8), random.size(40'000), random.bits(), random.below(4)};
}

// `samples` in units of which some are empty.
std::shared_ptr<const SampleCounts> random_units(Random& random, std::uint64_t samples) {
  std::vector<std::uint64_t> units;
  const std::uint64_t most = random.size(samples);
  for (std::uint64_t left = samples; left > 0 || random.one_in(2);) {
    units.push_back(random.one_in(5) ? 0 : random.below(std::min(most, left) + 1));
    left -= units.back();
  }
  return std::make_shared<const SampleCounts>(units);
}

EpochOrder random_order(Random& random, std::uint64_t samples, const EpochOrder::Shuffle& shuffle) {
  if (random.one_in(2)) return {samples, shuffle};
  return {random_units(random, samples), shuffle};
}

TEST_CASE("an epoch delivers every sample once, and position_of finds each") {
  for_random_rounds(300, [](Random& random) {
    const EpochOrder::Shuffle shuffle = random_shuffle(random);
    const std::uint64_t samples = random_samples(random, shuffle.window);
    CAPTURE(samples);
    CAPTURE(shuffle.window);
    const EpochOrder order = random_order(random, samples, shuffle);
    CAPTURE(order.has_units());
    const auto numbers = order_of(order);
    REQUIRE(is_permutation_of_all(numbers));
    for (std::uint64_t i = 0; i < samples; ++i) REQUIRE(order.position_of(numbers[i]) == i);
  });
}

TEST_CASE("in huge epochs at and position_of undo each other, and nothing comes twice") {
  for_random_rounds(100, [](Random& random) {
    const std::uint64_t samples = kTenBillion - random.below(100'000);
    const EpochOrder order(samples, {true, random.size(1 << 24), random.bits(), random.bits()});
    std::set<std::uint64_t> seen;
    const std::uint64_t begin = random.below(samples - 500);
    for (std::uint64_t i = 0; i < 500; ++i) {
      const std::uint64_t number = order.at(begin + i);
      REQUIRE(number < samples);
      REQUIRE(seen.insert(number).second);
      REQUIRE(order.position_of(number) == begin + i);
      const std::uint64_t other = random.below(samples);
      REQUIRE(order.at(order.position_of(other)) == other);
    }
    for (const std::uint64_t edge : {std::uint64_t{0}, samples - 1}) {
      REQUIRE(order.at(order.position_of(edge)) == edge);
      REQUIRE(order.position_of(order.at(edge)) == edge);
    }
  });
}

TEST_CASE("unshuffled, position i is sample i") {
  for_random_rounds(20, [](Random& random) {
    const EpochOrder order =
        random_order(random, random.size(3000), {false, random.size(3000), random.bits(), 4});
    for (std::uint64_t i = 0; i < order.size(); ++i) {
      REQUIRE(order.at(i) == i);
      REQUIRE(order.position_of(i) == i);
    }
  });
}

TEST_CASE("the order is the same for the same seed and epoch, and another for others") {
  for_random_rounds(20, [](Random& random) {
    const std::uint64_t samples = random.in(1000, 20'000);
    const std::uint64_t window = random.size(20'000);
    const std::uint64_t seed = random.bits();
    const auto units = random.one_in(2) ? random_units(random, samples) : nullptr;
    const auto order = [&](std::uint64_t s, std::uint64_t epoch) {
      const EpochOrder::Shuffle shuffle{true, window, s, epoch};
      return order_of(units ? EpochOrder(units, shuffle) : EpochOrder(samples, shuffle));
    };
    const auto first = order(seed, 0);
    REQUIRE(first == order(seed, 0));
    for (const auto& other : {order(seed, 1), order(seed + 1, 0), order(seed + 1, 1)}) {
      // Two random permutations agree in one place on average.
      std::uint64_t same = 0;
      for (std::size_t i = 0; i < samples; ++i) same += first[i] == other[i] ? 1 : 0;
      REQUIRE(same < 60);
    }
  });
}

TEST_CASE("a block of a lane consists of whole segments but for its ends, so reads stay in runs") {
  for_random_rounds(15, [](Random& random) {
    const std::uint64_t window = random.in(512, 8192);
    const EpochOrder order(random.in(window * 2, 60'000), {true, window, random.bits(), 0});
    const std::uint64_t lanes = order.lanes();
    const std::uint64_t block = window / lanes;
    REQUIRE(order.window_positions() == block * lanes);
    for (std::uint64_t lane = 0; lane < lanes; ++lane) {
      std::uint64_t lane_samples = 0;
      for (std::uint64_t p = lane; p < order.size(); p += lanes) ++lane_samples;
      for (std::uint64_t begin = 0; begin < lane_samples; begin += block) {
        const std::uint64_t end = std::min(lane_samples, begin + block);
        std::vector<std::uint64_t> numbers;
        for (std::uint64_t i = begin; i < end; ++i) numbers.push_back(order.at(i * lanes + lane));
        std::sort(numbers.begin(), numbers.end());
        std::uint64_t runs = 1;
        for (std::size_t i = 1; i < numbers.size(); ++i) {
          runs += numbers[i] != numbers[i - 1] + 1 ? 1 : 0;
        }
        // Segments that lie in it, one that is cut at each end, and the shorter one.
        REQUIRE(runs <= (end - begin) / order.segment_samples() + 3);
      }
    }
  });
}

TEST_CASE("lanes are of equal length, and a block of each is what a window mixes") {
  const EpochOrder order(100'000, {true, 1000, 1, 0});
  REQUIRE(order.lanes() == 64);
  CHECK(order.segment_samples() == 3);
  CHECK(EpochOrder(255, {true, 1, 1, 0}).lanes() == 1);
  CHECK(EpochOrder(256 * 2, {true, 1, 1, 0}).lanes() == 2);
  CHECK(EpochOrder(kTenBillion, {true, 16384, 1, 0}).segment_samples() == 64);
  CHECK(EpochOrder(kTenBillion, {true, 1 << 30, 1, 0}).segment_samples() == 1024);
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

TEST_CASE("a position's substitutes are the other positions of its lane, its own block first") {
  for_random_rounds(100, [](Random& random) {
    const EpochOrder::Shuffle shuffle = random_shuffle(random);
    const EpochOrder order = random_order(random, random_samples(random, shuffle.window), shuffle);
    const std::uint64_t position = random.below(order.size());
    const std::uint64_t lanes = order.lanes();
    const std::uint64_t block = std::max<std::uint64_t>(1, shuffle.window / lanes);
    const std::uint64_t lane_samples = (order.size() - position % lanes + lanes - 1) / lanes;
    REQUIRE(order.substitutes(position) == lane_samples - 1);
    const std::uint64_t begin = position / lanes / block * block;
    const std::uint64_t others_in_block = std::min(block, lane_samples - begin) - 1;
    std::set<std::uint64_t> seen = {position};
    for (std::uint64_t attempt = 1; attempt < lane_samples; ++attempt) {
      const std::uint64_t other = order.substitute(position, attempt);
      REQUIRE(other < order.size());
      REQUIRE(other % lanes == position % lanes);
      REQUIRE((other / lanes / block * block == begin) == (attempt <= others_in_block));
      REQUIRE(seen.insert(other).second);
    }
  });
}

TEST_CASE("a bad sample has many substitutes where the dataset has many samples") {
  for_random_rounds(200, [](Random& random) {
    const EpochOrder::Shuffle shuffle = random_shuffle(random);
    const EpochOrder order = random_order(random, random_samples(random, shuffle.window), shuffle);
    const std::uint64_t position = random.below(order.size());
    REQUIRE(order.substitutes(position) >= std::min<std::uint64_t>(order.size(), 256) - 1);
  });
}

TEST_CASE("the orders of mapped shards are those that states were written with") {
  std::uint64_t hash = 0;
  for (const std::uint64_t samples : {1, 7, 300, 5000, 100'003}) {
    for (const std::uint64_t window : {1, 100, 3000, 16384}) {
      const EpochOrder order(samples, {true, window, 42, 3});
      for (std::uint64_t i = 0; i < samples; ++i) hash = mix(hash, order.at(i));
    }
  }
  CHECK(hash == 0x86cb83d861391d5d);
}

std::shared_ptr<const SampleCounts> equal_units(std::uint64_t units, std::uint64_t samples) {
  return std::make_shared<const SampleCounts>(std::vector<std::uint64_t>(units, samples));
}

TEST_CASE("the lanes over units are few, and each has several units") {
  const auto lanes = [](std::uint64_t units, std::uint64_t samples, std::uint64_t window) {
    return EpochOrder(equal_units(units, samples), {true, window, 1, 0}).lanes();
  };
  CHECK(lanes(10'000, 1000, 16384) == 8);
  CHECK(lanes(10'000, 10'000, 16384) == 4);   // a block of 4,096 of a unit of 10,000
  CHECK(lanes(10'000, 100'000, 16384) == 1);  // one unit after the other
  CHECK(lanes(10'000, 10'000, 100'000) == 8);
  CHECK(lanes(31, 10'000, 50'000) == 4);  // seven units a lane
  CHECK(lanes(3, 10'000, 16384) == 1);
  CHECK(lanes(1, 1, 1) == 1);
}

TEST_CASE("a block over units touches few of them, and its samples mix them all") {
  for_random_rounds(30, [](Random& random) {
    const std::uint64_t length = random.in(1, 500);
    const std::uint64_t window = random.in(length, 20 * length);
    const auto units = equal_units(random.in(4, 200), length);
    const EpochOrder order(units, {true, window, random.bits(), 0});
    const std::uint64_t block = order.block_samples() * order.lanes();
    for (std::uint64_t begin = 0; begin < order.size(); begin += block) {
      std::set<std::uint64_t> touched;
      for (std::uint64_t p = begin; p < std::min(order.size(), begin + block); ++p) {
        touched.insert(units->locate(order.at(p)).shard);
      }
      REQUIRE(touched.size() <= window / length + 2 * order.lanes());
    }
  });
}

TEST_CASE("a lane's units are named in order, before any of its positions needs them") {
  for_random_rounds(100, [](Random& random) {
    const EpochOrder::Shuffle shuffle = random_shuffle(random);
    const auto units = random_units(random, random_samples(random, shuffle.window));
    const EpochOrder order(units, shuffle);
    for (std::uint64_t lane = 0; lane < order.lanes(); ++lane) {
      std::vector<std::pair<std::uint64_t, std::uint64_t>> named;  // needed at, unit
      std::uint64_t place = 0;
      while (const auto unit = order.unit_in_lane(lane, place)) {
        REQUIRE(unit->end > place);
        REQUIRE((named.empty() || named.back().first <= unit->needed_at));
        place = unit->end;
        named.emplace_back(unit->needed_at, unit->unit);
      }
      std::set<std::uint64_t> may_be_needed;
      std::size_t next = 0;
      std::set<std::uint64_t> needed;
      std::uint64_t in_lane = 0;
      for (std::uint64_t p = lane; p < order.size(); p += order.lanes(), ++in_lane) {
        for (; next < named.size() && named[next].first <= in_lane; ++next) {
          may_be_needed.insert(named[next].second);
        }
        needed.insert(units->locate(order.at(p)).shard);
        REQUIRE(may_be_needed.contains(units->locate(order.at(p)).shard));
      }
      REQUIRE(place == in_lane);
      REQUIRE(needed == may_be_needed);
    }
  });
}

}  // namespace
}  // namespace millrace
