#include "millrace/loader/interleave.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

std::vector<std::uint64_t> random_parts(Random& random, std::uint64_t most_sources,
                                        std::uint64_t most) {
  std::vector<std::uint64_t> parts(random.size(most_sources));
  for (std::uint64_t& part : parts) part = random.one_in(6) ? 0 : random.size(most);
  parts[random.below(parts.size())] = random.size(most);
  return parts;
}

std::uint64_t sum(const std::vector<std::uint64_t>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0});
}

TEST_CASE("dealt exactly, every source has its part, its turns in order, found from both sides") {
  for_random_rounds(40, [](Random& random) {
    const auto parts = random_parts(random, 40, random.one_in(4) ? 2000 : 130);
    const Interleave interleave(parts, random.bits(), true);
    REQUIRE(interleave.parts() == parts);
    REQUIRE(interleave.size() == sum(parts));
    std::vector<std::uint64_t> before(parts.size(), 0);
    for (std::uint64_t position = 0; position < interleave.size(); ++position) {
      const Interleave::Turn turn = interleave.at(position);
      REQUIRE(turn.source < parts.size());
      REQUIRE(turn.before == before[turn.source]);
      if (random.one_in(8)) {
        REQUIRE(interleave.position_of(turn.source, turn.before) == position);
      }
      ++before[turn.source];
      const std::size_t other = random.below(parts.size());
      REQUIRE(interleave.count_before(position + 1, other) == before[other]);
    }
    REQUIRE(before == parts);
  });
}

TEST_CASE("without an end, counts are those of the turns, and no source is far off its share") {
  for_random_rounds(60, [](Random& random) {
    const auto parts = random_parts(random, 20, std::uint64_t{1} << random.in(1, 40));
    const double all = static_cast<double>(sum(parts));
    const Interleave interleave(parts, random.bits(), false);
    REQUIRE(interleave.size() == Interleave::kEndless);
    std::vector<std::uint64_t> before(parts.size(), 0);
    for (std::uint64_t position = 0; position < 20'000; ++position) {
      const Interleave::Turn turn = interleave.at(position);
      REQUIRE(parts[turn.source] > 0);
      REQUIRE(turn.before == before[turn.source]++);
      const double share =
          static_cast<double>(position + 1) / all * static_cast<double>(parts[turn.source]);
      REQUIRE(std::abs(static_cast<double>(before[turn.source]) - share) <
              static_cast<double>(interleave.most_off()));
    }
    for (std::size_t source = 0; source < parts.size(); ++source) {
      REQUIRE(interleave.count_before(20'000, source) == before[source]);
    }
  });
}

TEST_CASE("no source is ever further off its share than most_off, at any position") {
  for_random_rounds(400, [](Random& random) {
    const auto parts = random_parts(random, 3000, std::uint64_t{1} << random.in(1, 40));
    const std::uint64_t all = sum(parts);
    const Interleave interleave(parts, random.bits(), random.one_in(2));
    const std::uint64_t positions = std::min(interleave.size(), std::uint64_t{1} << 50);
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t position = random.size(positions);
      const std::size_t source = random.below(parts.size());
      const long double share = static_cast<long double>(position) / all * parts[source];
      const auto count = static_cast<long double>(interleave.count_before(position, source));
      REQUIRE(std::abs(count - share) < interleave.most_off());
    }
  });
}

TEST_CASE("far into an endless deal, at, count_before and position_of agree") {
  for_random_rounds(200, [](Random& random) {
    const auto parts = random_parts(random, 1000, std::uint64_t{1} << random.in(1, 40));
    const Interleave interleave(parts, random.bits(), false);
    const std::uint64_t position = random.size(std::uint64_t{1} << 61);
    const Interleave::Turn turn = interleave.at(position);
    REQUIRE(parts[turn.source] > 0);
    REQUIRE(interleave.count_before(position, turn.source) == turn.before);
    REQUIRE(interleave.count_before(position + 1, turn.source) == turn.before + 1);
    REQUIRE(interleave.position_of(turn.source, turn.before) == position);
    std::uint64_t all = 0;
    for (std::size_t s = 0; s < parts.size(); ++s) all += interleave.count_before(position, s);
    REQUIRE(all == position);
  });
}

// Whoever takes positions first, first + stride, ... sees each source in its share: the count lies
// within six standard deviations of independent draws (dealing exactly can only make it closer).
void check_stride(const std::vector<std::uint64_t>& parts, std::uint64_t stride, Random& random) {
  CAPTURE(stride);
  constexpr int kDraws = 20'000;
  const Interleave interleave(parts, random.bits(), false);
  const std::uint64_t first = random.below(stride);
  std::vector<double> counts(parts.size(), 0);
  for (std::uint64_t i = 0; i < kDraws; ++i) ++counts[interleave.at(first + i * stride).source];
  for (std::size_t source = 0; source < parts.size(); ++source) {
    CAPTURE(source);
    const double share = static_cast<double>(parts[source]) / static_cast<double>(sum(parts));
    const double deviation = std::sqrt(kDraws * share * (1 - share));
    REQUIRE(std::abs(counts[source] - kDraws * share) <= 6 * deviation + 3);
  }
}

TEST_CASE("a rank that takes every W-th position sees the mixture's proportions") {
  for (const std::uint64_t stride : {1, 2, 3, 8, 63, 64, 128, 192, 256, 1024, 2048}) {
    for_random_rounds(2, [&](Random& random) {
      check_stride({1, 1}, stride, random);
      check_stride({7, 1}, stride, random);
      check_stride({3, 0, 40, 11, 1}, stride, random);
      // Shares that divide the runs evenly: no rank may get all of a rare source, or nothing.
      check_stride({127, 1}, stride, random);
      check_stride({255, 1}, stride, random);
      check_stride({60, 1, 1, 1, 1}, stride, random);
      check_stride(random_parts(random, 12, 1000), stride, random);
    });
  }
}

TEST_CASE("turns are drawn at random: runs of the same source are as long as those of a coin") {
  const Interleave interleave({1, 1}, 77, false);
  constexpr std::uint64_t kPositions = 100'000;
  std::uint64_t runs = 1;
  for (std::uint64_t i = 1; i < kPositions; ++i) {
    runs += interleave.at(i).source != interleave.at(i - 1).source ? 1 : 0;
  }
  // 32 of each 64 go to each: two neighbours differ with probability 32 / 63.
  CHECK(static_cast<double>(runs) / kPositions == doctest::Approx(32.0 / 63).epsilon(0.02));
}

TEST_CASE("another key is another deal, and the same key the same") {
  const auto deal = [](std::uint64_t key) {
    const Interleave interleave({5, 3, 2}, key, false);
    std::vector<std::size_t> sources;
    for (std::uint64_t i = 0; i < 300; ++i) sources.push_back(interleave.at(i).source);
    return sources;
  };
  CHECK(deal(1) == deal(1));
  CHECK(deal(1) != deal(2));
}

}  // namespace
}  // namespace millrace
