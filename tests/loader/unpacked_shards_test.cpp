#include "loader/unpacked_shards.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::Shards;
using test::UnpackedShards;

constexpr std::uint64_t kShardBytes = UnpackedShards::kShardBytes;

LoaderOptions options_over(const Shards& shards, UnpackedShards& unpacked) {
  LoaderOptions options = shards.options();
  options.use_index = false;
  options.open_shard = unpacked.opener();
  options.error_budget = {1, ~std::uint64_t{0}};
  return options;
}

std::vector<std::int64_t> all_numbers(const Shards& shards) {
  std::vector<std::int64_t> all(shards.total());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Waits for what happens on another thread.
void wait_until(const std::function<bool()>& holds) {
  const auto begin = std::chrono::steady_clock::now();
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
    std::this_thread::yield();
  }
}

TEST_CASE("a shard is unpacked once a pass, in memory for what is in use and what comes next") {
  const Shards shards(std::vector<std::uint64_t>(24, 50));
  for (const std::size_t threads : {1, 2, 5}) {
    for (const bool shuffle : {false, true}) {
      CAPTURE(threads);
      CAPTURE(shuffle);
      UnpackedShards unpacked;
      LoaderOptions options = options_over(shards, unpacked);
      options.threads = threads;
      options.shuffle = shuffle;
      options.shuffle_window = 100;
      // Of four lanes, each has one or two shards in a block, and the batches in flight are of two.
      const std::uint64_t held = shuffle ? 16 : 4;
      options.unpacked_cache_bytes = held * kShardBytes;
      Loader loader(options);
      for (int epoch = 0; epoch < 3; ++epoch) {
        unpacked.forget_counts();
        std::vector<std::int64_t> numbers = test::drain(loader);
        std::sort(numbers.begin(), numbers.end());
        CHECK(numbers == all_numbers(shards));
        std::uint64_t openings = 0;
        for (const auto& [path, count] : unpacked.openings()) openings += count;
        CHECK(openings <= 24 + (shuffle ? 3 : 0));  // a shard may be split between two lanes
        CHECK(unpacked.most_at_once() <= 1);
        // Each thread may have one that is let go of, and one on its way out.
        CHECK(unpacked.most_open() <= held + 2 * threads);
      }
    }
  }
}

TEST_CASE("with too little memory for a window, or none, everything is still delivered") {
  const Shards shards({40, 0, 3, 25, 60, 1, 0, 30, 30, 30});
  for (const std::uint64_t bytes : {std::uint64_t{0}, kShardBytes, 2 * kShardBytes}) {
    for (const bool shuffle : {false, true}) {
      UnpackedShards unpacked;
      LoaderOptions options = options_over(shards, unpacked);
      options.threads = 3;
      options.shuffle = shuffle;
      options.unpacked_cache_bytes = bytes;
      Loader loader(options);
      unpacked.forget_counts();
      std::vector<std::int64_t> numbers = test::drain(loader);
      std::sort(numbers.begin(), numbers.end());
      CHECK(numbers == all_numbers(shards));
      CHECK(unpacked.most_open() <= bytes / kShardBytes + 2 * options.threads);
    }
  }
}

TEST_CASE("in order, the batches of shards that are unpacked are those of mapped ones") {
  const Shards shards({40, 0, 3, 25, 60, 1, 0, 30}, {5, 66});
  UnpackedShards unpacked;
  LoaderOptions options = options_over(shards, unpacked);
  Loader loader(options);
  options.open_shard = {};
  Loader mapped(options);
  CHECK(test::drain(loader) == test::drain(mapped));
  CHECK(loader.ledger().substituted == mapped.ledger().substituted);
  // Shuffled, the order is another one, and so is the state's fingerprint.
  CHECK_THROWS_AS(mapped.load_state(loader.state()), std::invalid_argument);
}

TEST_CASE("the next shards are unpacked before their turn, as far as the memory goes") {
  const Shards shards(std::vector<std::uint64_t>(12, 100));
  UnpackedShards unpacked;
  LoaderOptions options = options_over(shards, unpacked);
  options.batch_size = 10;
  options.prefetch_batches = 1;
  options.threads = 3;
  options.unpacked_cache_bytes = 3 * kShardBytes;
  Loader loader(options);
  unpacked.forget_counts();
  REQUIRE(loader.next());
  wait_until([&] { return unpacked.openings().size() == 3; });
  REQUIRE(loader.next());
  for (int batch = 0; batch < 6; ++batch) REQUIRE(loader.next());  // all of the first shard
  CHECK(unpacked.openings().size() == 3);
  CHECK(unpacked.most_open() <= 3);
  for (int batch = 0; batch < 4; ++batch) REQUIRE(loader.next());
  wait_until([&] { return unpacked.openings().size() == 4; });
  CHECK(unpacked.most_openings_of_one() == 1);
}

TEST_CASE("the memory is one for all sources of a mixture") {
  const Shards first(std::vector<std::uint64_t>(10, 20));
  const Shards second(std::vector<std::uint64_t>(10, 20));
  UnpackedShards unpacked;
  LoaderOptions options = options_over(first, unpacked);
  options.sources.clear();
  options.mixture = {{"first", first.paths(), 1, 0, {}}, {"second", second.paths(), 3, 0, {}}};
  options.stop_at = StopAt::last_exhausted;
  options.shuffle = true;
  options.shuffle_window = 20;
  options.unpacked_cache_bytes = 8 * kShardBytes;
  Loader loader(options);
  unpacked.forget_counts();
  CHECK(test::drain(loader).size() == loader.ledger().expected);
  CHECK(unpacked.most_open() <= 8 + 2 * options.threads);
  CHECK(unpacked.openings().size() == 20);
}

TEST_CASE("threads that want the same shard unpack it once; that time counts as reading") {
  const Shards shards({200, 200, 200});
  UnpackedShards unpacked;
  unpacked.delay = std::chrono::milliseconds(20);
  LoaderOptions options = options_over(shards, unpacked);
  options.threads = 6;
  options.shuffle = true;
  options.unpacked_cache_bytes = 3 * kShardBytes;
  Loader loader(options);
  unpacked.forget_counts();
  CHECK(test::drain(loader).size() == 600);
  CHECK(unpacked.most_openings_of_one() == 1);
  const Statistics stats = loader.stats();
  CHECK(stats.stages[Stage::read].nanoseconds >= 3 * 20'000'000);
  CHECK(stats.stages[Stage::read].items == 600);
  CHECK(stats.busy_seconds >= 3 * 0.02);
}

TEST_CASE("a shard that cannot be unpacked is so many bad samples, and is tried again later") {
  const Shards shards({50, 50, 50});
  UnpackedShards unpacked;
  unpacked.delay = std::chrono::milliseconds(2);
  std::atomic<bool> is_gone{false};
  unpacked.fault = [&](const std::string& path) -> Result<void> {
    if (is_gone && path == shards.paths()[1]) return fail(Reason::io_error, "gone");
    return {};
  };
  for (const OnBadSample policy : {OnBadSample::skip, OnBadSample::substitute}) {
    LoaderOptions options = options_over(shards, unpacked);
    options.on_bad_sample = policy;
    options.threads = 4;
    options.shuffle = true;
    options.unpacked_cache_bytes = 0;
    Loader loader(options);
    is_gone = true;
    unpacked.forget_counts();
    test::drain(loader);
    const Ledger ledger = loader.ledger(true);
    CHECK(ledger.bad_samples.at("io_error") == 50);
    CHECK(ledger.accounted() == 150);
    CHECK(ledger.delivered == 100);
    is_gone = false;
    wait_until(
        [&] { return test::drain(loader).size() == 150 && loader.ledger().delivered == 150; });
  }
}

TEST_CASE("what an opener throws reaches next(), and the run goes on from where it was") {
  const Shards shards({50, 50, 50});
  UnpackedShards unpacked;
  std::atomic<bool> throws{false};
  unpacked.fault = [&](const std::string&) -> Result<void> {
    if (throws) throw std::runtime_error("out of everything");
    return {};
  };
  LoaderOptions options = options_over(shards, unpacked);
  options.threads = 4;
  options.unpacked_cache_bytes = 0;
  Loader loader(options);
  const std::string state = loader.state();
  throws = true;
  CHECK_THROWS_WITH_AS(loader.next(), "out of everything", std::runtime_error);
  throws = false;
  loader.load_state(state);
  CHECK(test::drain(loader).size() == 150);
}

TEST_CASE("loaders broken off while shards are unpacked end cleanly") {
  const Shards shards(std::vector<std::uint64_t>(20, 10));
  UnpackedShards unpacked;
  unpacked.delay = std::chrono::microseconds(200);
  for (std::uint64_t i = 0; i < 150; ++i) {
    LoaderOptions options = options_over(shards, unpacked);
    options.threads = 1 + i % 5;
    options.shuffle = i % 2 == 0;
    options.shuffle_window = 40;
    options.unpacked_cache_bytes = i % 7 * kShardBytes;
    Loader loader(options);
    for (std::uint64_t batches = i % 6; batches > 0; --batches) loader.next();
    if (i % 3 == 0) loader.set_epoch(i);
    if (i % 4 == 0) loader.next();
  }
}

TEST_CASE("ranks of different world sizes deliver each sample of a run once") {
  const Shards shards({40, 0, 3, 25, 60, 1, 0, 30, 44, 20, 20, 20});
  UnpackedShards unpacked;
  std::multiset<std::int64_t> delivered;
  std::string state;
  for (const std::uint64_t world_size : {3, 1, 4, 2}) {
    std::string next;
    for (std::uint64_t rank = 0; rank < world_size; ++rank) {
      LoaderOptions options = options_over(shards, unpacked);
      options.shuffle = true;
      options.shuffle_window = 64;
      options.batch_size = 6;
      options.rank = rank;
      options.world_size = world_size;
      options.threads = 1 + rank;
      options.drop_last = true;
      Loader loader(options);
      if (!state.empty()) loader.load_state(state);
      for (int batches = world_size == 2 ? 1000 : 3; batches > 0; --batches) {
        const std::optional<Batch> batch = loader.next();
        if (!batch) break;
        for (const std::int64_t n : test::numbers(*batch)) delivered.insert(n);
      }
      next = loader.state();
    }
    state = next;
  }
  CHECK(delivered.size() > shards.total() - 12);
  CHECK(std::set<std::int64_t>(delivered.begin(), delivered.end()).size() == delivered.size());
}

}  // namespace
}  // namespace millrace
