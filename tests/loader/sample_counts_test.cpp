#include "millrace/loader/sample_counts.h"

#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

TEST_CASE("a sample is found in its shard, empty shards or not") {
  const std::vector<std::uint64_t> counts = {0, 3, 0, 0, 2, 1, 0};
  const SampleCounts sums(counts);
  CHECK(sums.total() == 6);
  CHECK(sums.shards() == 7);
  std::vector<SampleId> ids;
  for (std::uint64_t n = 0; n < 6; ++n) ids.push_back(sums.locate(n));
  CHECK(ids == std::vector<SampleId>{{1, 0}, {1, 1}, {1, 2}, {4, 0}, {4, 1}, {5, 0}});
}

TEST_CASE("every number is a sample of a shard, in the order of the shards") {
  for_random_rounds(100, [](Random& random) {
    std::vector<std::uint64_t> counts(random.size(300));
    for (std::uint64_t& count : counts) count = random.one_in(3) ? 0 : random.size(40);
    const SampleCounts sums(counts);
    std::uint64_t number = 0;
    for (std::uint64_t shard = 0; shard < counts.size(); ++shard) {
      for (std::uint64_t index = 0; index < counts[shard]; ++index, ++number) {
        REQUIRE(sums.locate(number) == SampleId{shard, index});
      }
    }
    REQUIRE(sums.total() == number);
  });
}

}  // namespace
}  // namespace millrace
