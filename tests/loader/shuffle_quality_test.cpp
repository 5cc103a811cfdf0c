#include "millrace/loader/shuffle_quality.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/loader/epoch_order.h"
#include "random_rounds.h"

namespace millrace {
namespace {

SampleCounts equal_shards(std::uint64_t shards, std::uint64_t samples) {
  return SampleCounts(std::vector<std::uint64_t>(shards, samples));
}

MeasuredOrder listed(std::vector<std::uint64_t> numbers) {
  std::map<std::uint64_t, std::uint64_t> positions;
  for (std::uint64_t p = 0; p < numbers.size(); ++p) positions[numbers[p]] = p;
  const std::uint64_t size = numbers.size();
  return {size, [numbers = std::move(numbers)](std::uint64_t p) { return numbers[p]; },
          [positions](std::uint64_t number) -> std::optional<std::uint64_t> {
            const auto found = positions.find(number);
            if (found == positions.end()) return std::nullopt;
            return found->second;
          },
          std::nullopt};
}

MeasuredOrder epoch_order(std::uint64_t samples, std::uint64_t window) {
  const EpochOrder order(samples, {window > 0, std::max<std::uint64_t>(window, 1), 5, 0});
  return {samples, [order](std::uint64_t p) { return order.at(p); },
          [order](std::uint64_t number) { return order.position_of(number); }, std::nullopt};
}

TEST_CASE("the figures of an order of eight samples are those counted by hand") {
  // Shards {0 1}, {2 3}, {4 5}, {6 7}; two classes {0 .. 3}, {4 .. 7}; batches and windows of four.
  const ShuffleQualityOptions options{4, 4, 2, 0};
  const ShuffleQuality q =
      measure_shuffle(listed({0, 1, 4, 2, 3, 5, 7, 6}), equal_shards(4, 2), options);
  CHECK(q.same_shard_next == doctest::Approx(3 / 7.0));  // 0 1, 2 3, 7 6
  CHECK(q.mean_shard_run == doctest::Approx(8 / 5.0));
  CHECK(q.mean_class_run == doctest::Approx(8 / 4.0));  // 0 1, 4, 2 3, 5 7 6
  CHECK(q.longest_class_run == 3);
  CHECK(q.shards_in_batch == doctest::Approx(3));  // {0 4 2}, {3 5 7 6}
  CHECK(q.shards_in_window == doctest::Approx(3));
  CHECK(q.commonest_class_in_batch == doctest::Approx(0.75));
  // Each batch has three of one class and one of the other: d = 4 / (2 * 4 * 0.5) = 1.
  CHECK(q.independent_draws_in_batch == doctest::Approx(4));
  // Positions of 0 .. 7: 0 1 3 4 2 5 7 6, so distances 1 2 1 2 3 2 1, over (8 + 1) / 3.
  CHECK(q.neighbour_distance == doctest::Approx(12 / 7.0 / 3));
  CHECK(q.neighbours_in_batch == doctest::Approx(4 / 8.0));  // 0 1, 1 2; 5 6, 6 7
  CHECK(q.mean_read_run == doctest::Approx(8 / 4.0));        // 0-2, 4; 3, 5-7
  CHECK(q.rank_correlation == doctest::Approx(1 - 6 * 8 / 504.0));
}

TEST_CASE("samples in their order are not shuffled at all, and are read in one go") {
  const ShuffleQuality q =
      measure_shuffle(epoch_order(100'000, 0), equal_shards(100, 1000), {250, 1000, 10, 0});
  CHECK(q.same_shard_next > 0.998);
  CHECK(q.mean_shard_run == doctest::Approx(1000));
  CHECK(q.longest_class_run == 10'000);
  CHECK(q.shards_in_batch == doctest::Approx(1));
  CHECK(q.commonest_class_in_batch == doctest::Approx(1));
  CHECK(q.independent_draws_in_batch == doctest::Approx(1));
  CHECK(q.neighbour_distance == doctest::Approx(0).epsilon(0.001));
  CHECK(q.rank_correlation == doctest::Approx(1));
  CHECK(q.mean_read_run == doctest::Approx(1000));
}

TEST_CASE("a full permutation has the figures that the header expects of it") {
  for (const std::uint64_t of_shard : {2'000, 100'000}) {  // all positions, and sampled ones
    CAPTURE(of_shard);
    const std::uint64_t samples = 200 * of_shard;
    const ShuffleQuality q = measure_shuffle(full_permutation(samples, 3),
                                             equal_shards(200, of_shard), {256, 16384, 50, 1});
    CHECK(q.same_shard_next == doctest::Approx(1 / 200.0).epsilon(0.1));
    CHECK(q.mean_shard_run == doctest::Approx(200 / 199.0).epsilon(0.01));
    CHECK(q.mean_class_run == doctest::Approx(50 / 49.0).epsilon(0.01));
    CHECK(q.shards_in_window == doctest::Approx(200));
    CHECK(q.independent_draws_in_batch == doctest::Approx(256).epsilon(0.05));
    CHECK(q.neighbour_distance == doctest::Approx(1).epsilon(0.02));
    CHECK(q.neighbours_in_batch < 0.001);
    CHECK(q.rank_correlation == doctest::Approx(0).epsilon(0.02));
    CHECK(q.mean_read_run < 1.1);
  }
}

TEST_CASE("a shuffle buffer emits every sample once, and none before it was read") {
  for_random_rounds(60, [](Random& random) {
    std::vector<std::uint64_t> counts(random.size(20));
    for (std::uint64_t& count : counts) count = random.one_in(4) ? 0 : random.size(200);
    counts[random.below(counts.size())] = random.in(1, 100);
    const SampleCounts samples(counts);
    const ShuffleBuffer buffer{random.size(300), random.size(100)};
    const MeasuredOrder order = shuffle_buffer_order(samples, buffer, random.bits());
    REQUIRE(order.positions == samples.total());
    std::vector<bool> seen(samples.total(), false);
    std::vector<std::uint64_t> last_of_shard(samples.shards(), 0);
    for (std::uint64_t p = 0; p < order.positions; ++p) {
      const std::uint64_t number = order.at(p);
      REQUIRE(!seen[number]);
      seen[number] = true;
      REQUIRE(order.position_of(number) == p);
      const SampleId id = samples.locate(number);
      // With a buffer of one the samples of a shard come in their order.
      if (buffer.size == 1) REQUIRE(id.index == last_of_shard[id.shard]++);
    }
  });
}

TEST_CASE("of shards sorted by class, the block shuffle makes batches of more than a buffer does") {
  const SampleCounts samples = equal_shards(300, 5000);
  const ShuffleQualityOptions options{256, 16384, 100, 0};
  const ShuffleQuality full =
      measure_shuffle(full_permutation(samples.total(), 1), samples, options);
  const ShuffleQuality block =
      measure_shuffle(epoch_order(samples.total(), 16384), samples, options);
  const ShuffleQuality buffer =
      measure_shuffle(shuffle_buffer_order(samples, {}, 1), samples, options);
  CHECK(block.independent_draws_in_batch > 0.4 * full.independent_draws_in_batch);
  CHECK(buffer.independent_draws_in_batch < 0.1 * full.independent_draws_in_batch);
  CHECK(block.shards_in_batch > 0.7 * full.shards_in_batch);
  CHECK(buffer.shards_in_batch < 0.2 * full.shards_in_batch);
  CHECK(block.mean_class_run < 1.1 * full.mean_class_run);
  CHECK(buffer.mean_class_run > 1.2 * full.mean_class_run);
  CHECK(block.mean_read_run > 20 * full.mean_read_run);
  CHECK(buffer.mean_read_run == 5000);
}

TEST_CASE("a dataset of one sample, of one shard, and one of ten billion can be measured") {
  const ShuffleQuality one = measure_shuffle(epoch_order(1, 10), equal_shards(1, 1), {});
  CHECK(one.shards_in_batch == 1);
  CHECK(one.mean_class_run == 1);
  const ShuffleQuality shard = measure_shuffle(epoch_order(3000, 500), equal_shards(1, 3000), {});
  CHECK(shard.same_shard_next == 1);
  CHECK(shard.independent_draws_in_batch == 256);
  const SampleCounts many = equal_shards(1'000'000, 10'000);
  const ShuffleQuality huge = measure_shuffle(epoch_order(many.total(), 16384), many, {});
  CHECK(huge.shards_in_batch > 150);
  CHECK(huge.mean_read_run > 30);
  const ShuffleQuality buffer = measure_shuffle(shuffle_buffer_order(many, {}, 2), many, {});
  CHECK(buffer.shards_in_batch < 20);
}

TEST_CASE("measuring nothing, or by zeros, is refused by name") {
  const SampleCounts samples = equal_shards(2, 10);
  const MeasuredOrder order = epoch_order(20, 5);
  CHECK_THROWS_AS(measure_shuffle(order, samples, {0, 1, 1, 0}), std::invalid_argument);
  CHECK_THROWS_AS(measure_shuffle(order, samples, {1, 0, 1, 0}), std::invalid_argument);
  CHECK_THROWS_AS(measure_shuffle(order, samples, {1, 1, 0, 0}), std::invalid_argument);
  CHECK_THROWS_AS(measure_shuffle(listed({}), samples, {}), std::invalid_argument);
}

}  // namespace
}  // namespace millrace
