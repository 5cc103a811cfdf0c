#include "millrace/loader/loader.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include <sys/wait.h>

#include <doctest/doctest.h>

#include "loader/shards.h"

namespace millrace {
namespace {

using test::drain;
using test::numbers;
using test::Shards;

std::vector<std::int64_t> counting(std::uint64_t n) {
  std::vector<std::int64_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST_CASE("unshuffled, samples come in the order of the shards, with their own captions") {
  const Shards shards({5, 0, 17, 3});
  Loader loader(shards.options());
  std::int64_t n = 0;
  while (const std::optional<Batch> batch = loader.next()) {
    const auto values = batch->values<std::int64_t>("n");
    REQUIRE(values.size() == batch->size);
    REQUIRE((*batch)["caption"].strings.size() == batch->size);
    for (std::size_t i = 0; i < batch->size; ++i, ++n) {
      CHECK(values[i] == n);
      CHECK((*batch)["caption"].strings[i] == "caption " + std::to_string(n));
    }
  }
  CHECK(n == 25);
}

TEST_CASE("the order is the same for every number of threads and every prefetch depth") {
  const Shards shards({40, 60, 23});
  LoaderOptions options = shards.options();
  options.shuffle = true;
  options.shuffle_window = 32;
  options.seed = 7;
  Loader reference(options);
  const auto expected = drain(reference);
  CHECK(expected != counting(shards.total()));
  for (const std::size_t threads : {1, 2, 3, 8}) {
    for (const std::size_t prefetch : {1, 2, 7}) {
      options.threads = threads;
      options.prefetch_batches = prefetch;
      options.read_ahead_bytes = prefetch == 2 ? 0 : 1 << 20;
      Loader loader(options);
      CHECK(drain(loader) == expected);
    }
  }
}

TEST_CASE("an epoch is all samples once; the next epoch too, in another order") {
  const Shards shards({100, 37});
  LoaderOptions options = shards.options();
  options.shuffle = true;
  Loader loader(options);
  auto first = drain(loader);
  CHECK(loader.epoch() == 1);
  auto second = drain(loader);
  CHECK(first != second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  CHECK(first == counting(137));
  CHECK(second == counting(137));
}

TEST_CASE("set_epoch gives that epoch's order, also in the middle of another") {
  const Shards shards({100});
  LoaderOptions options = shards.options();
  options.shuffle = true;
  Loader loader(options);
  static_cast<void>(drain(loader));
  const auto second = drain(loader);
  static_cast<void>(loader.next());
  loader.set_epoch(1);
  CHECK(drain(loader) == second);
}

TEST_CASE("a loop left early begins the same epoch again") {
  const Shards shards({50});
  LoaderOptions options = shards.options();
  options.shuffle = true;
  Loader loader(options);
  const auto first = numbers(*loader.next());
  static_cast<void>(loader.next());
  loader.start_epoch();
  CHECK(numbers(*loader.next()) == first);
}

TEST_CASE("ranks deliver disjoint samples, in equal numbers of batches, all together everything") {
  const Shards shards({64, 33});
  std::vector<std::int64_t> all;
  std::set<std::uint64_t> batches;
  for (std::uint64_t rank = 0; rank < 3; ++rank) {
    LoaderOptions options = shards.options();
    options.shuffle = true;
    options.rank = rank;
    options.world_size = 3;
    Loader loader(options);
    batches.insert(loader.batches());
    const auto own = drain(loader);
    all.insert(all.end(), own.begin(), own.end());
    CHECK(loader.ledger().accounted() == loader.ledger().expected);
  }
  CHECK(batches.size() == 1);
  CHECK(all.size() == 99);  // 97 samples over 3 ranks: two are repeated
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  CHECK(all == counting(97));
}

TEST_CASE("the last batch is shorter, or dropped and counted") {
  const Shards shards({21});
  LoaderOptions options = shards.options();
  Loader keeping(options);
  CHECK(keeping.batches() == 3);
  CHECK(drain(keeping).size() == 21);
  options.drop_last = true;
  Loader dropping(options);
  CHECK(dropping.batches() == 2);
  CHECK(drain(dropping).size() == 16);
  const Ledger ledger = dropping.ledger();
  CHECK(ledger.expected == 21);
  CHECK(ledger.delivered == 16);
  CHECK(ledger.skipped.at("drop_last") == 5);
}

TEST_CASE("a batch larger than the dataset is one short batch, or an error that says so") {
  const Shards shards({3});
  LoaderOptions options = shards.options();
  options.batch_size = 100;
  Loader loader(options);
  CHECK(drain(loader).size() == 3);
  options.drop_last = true;
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("batch_size = 100"),
                       std::invalid_argument);
}

TEST_CASE("an empty dataset is an error") {
  const Shards shards({0, 0});
  CHECK_THROWS_WITH_AS(Loader{shards.options()}, doctest::Contains("empty"), LoaderError);
}

TEST_CASE("a missing shard is an error that names it") {
  const Shards shards({3});
  LoaderOptions options = shards.options();
  options.sources.push_back(shards.folder().path("not-there.tar"));
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("not-there.tar"), LoaderError);
}

TEST_CASE("rank and world size come from the environment where nobody sets them") {
  const Shards shards({10});
  setenv("RANK", "1", 1);
  setenv("WORLD_SIZE", "2", 1);
  LoaderOptions options = shards.options();
  unsetenv("RANK");
  unsetenv("WORLD_SIZE");
  Loader loader(options);
  CHECK(drain(loader) == std::vector<std::int64_t>{1, 3, 5, 7, 9});
  CHECK(LoaderOptions{}.world_size == 1);
}

TEST_CASE("any waiting time may be asked for") {
  const Shards shards({10});
  Loader loader(shards.options());
  CHECK(loader.next_within(std::numeric_limits<double>::infinity()).batch.has_value());
  CHECK(loader.next_within(1e300).batch.has_value());
  CHECK(loader.next_within(-1.0).end);
}

TEST_CASE("waiting has a limit where one is asked for, and nothing is lost by it") {
  const Shards shards({30});
  Loader loader(shards.options());
  std::vector<std::int64_t> all;
  while (true) {
    const Loader::Taken taken = loader.next_within(1e-7);
    if (taken.end) break;
    if (!taken.batch) continue;
    for (const std::int64_t n : numbers(*taken.batch)) all.push_back(n);
  }
  CHECK(all == counting(30));
}

TEST_CASE("batch memory is recycled once the caller lets go of it") {
  const Shards shards({400});
  LoaderOptions options = shards.options();
  options.batch_size = 4;
  Loader loader(options);
  std::set<const std::byte*> blocks;
  std::size_t batches = 0;
  while (const std::optional<Batch> batch = loader.next()) {
    blocks.insert((*batch)["n"].memory.bytes.data());
    ++batches;
  }
  CHECK(batches == 100);
  CHECK(blocks.size() <= options.prefetch_batches + 2);
}

TEST_CASE("a batch stays valid after its loader is gone") {
  const Shards shards({8});
  std::optional<Batch> batch;
  {
    Loader loader(shards.options());
    batch = loader.next();
  }
  const auto values = batch->values<std::int64_t>("n");
  CHECK(std::vector<std::int64_t>(values.begin(), values.end()) == counting(8));
}

TEST_CASE("asking a batch for a column it has not, or as another type, says what there is") {
  const Shards shards({8});
  Loader loader(shards.options());
  const std::optional<Batch> batch = loader.next();
  CHECK_THROWS_WITH_AS((*batch)["image"], doctest::Contains("it has n, caption"),
                       std::out_of_range);
  CHECK_THROWS_AS(batch->values<float>("n"), std::invalid_argument);
  CHECK_THROWS_AS(batch->values<double>("n"), std::invalid_argument);
}

TEST_CASE("statistics count samples, batches and the time of the stages") {
  const Shards shards({64});
  Loader loader(shards.options());
  static_cast<void>(drain(loader));
  const Statistics stats = loader.stats();
  CHECK(stats.samples == 64);
  CHECK(stats.batches == 8);
  CHECK(stats.threads == 2);
  CHECK(stats.stages[Stage::read].items == 64);
  CHECK(stats.wall_seconds > 0);
  CHECK(stats.to_json().find("\"bottleneck\":") != std::string::npos);
}

TEST_CASE("the verdict names the consumer, the prefetch or the slowest stage") {
  Statistics stats;
  stats.threads = 2;
  stats.wall_seconds = 10;
  stats.stages[Stage::decode].nanoseconds = 9'000'000'000;
  stats.stages[Stage::resize].nanoseconds = 2'000'000'000;
  stats.busy_seconds = 11;
  stats.waiting_seconds = 0.5;
  CHECK(stats.bottleneck() == "consumer");
  stats.waiting_seconds = 8;
  CHECK(stats.bottleneck() == "decode");
  stats.busy_seconds = 4;
  CHECK(stats.bottleneck() == "prefetch");
}

TEST_CASE("a forked child that touches the loader is told so, and ends") {
  const Shards shards({64});
  auto loader = std::make_unique<Loader>(shards.options());
  static_cast<void>(loader->next());
  const pid_t child = fork();
  if (child == 0) {
    int refused = 0;
    for (const auto& use : std::vector<std::function<void()>>{
             [&] { static_cast<void>(loader->next()); }, [&] { loader->start_epoch(); },
             [&] { loader->set_epoch(1); }, [&] { static_cast<void>(loader->ledger()); },
             [&] { static_cast<void>(loader->stats()); }}) {
      try {
        use();
      } catch (const std::logic_error&) {
        ++refused;
      }
    }
    loader.reset();
    _exit(refused == 5 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(loader->next().has_value());
}

}  // namespace
}  // namespace millrace
