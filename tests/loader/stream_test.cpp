#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/loader.h"
#include "scratch_folder.h"

namespace millrace {
namespace {

using test::drain;
using test::numbers;
using test::Shards;

LoaderOptions streamed(const Shards& shards, std::uint64_t window = 16) {
  LoaderOptions options = shards.options();
  options.streaming = true;
  options.shuffle = true;
  options.shuffle_window = window;
  options.seed = 3;
  options.threads = 2;
  options.batch_size = 4;
  return options;
}

std::string command_for(const Shards& shards, const std::string& behind = "") {
  std::string command = "pipe:cat";
  for (const std::string& path : shards.paths()) command += " '" + path + "'";
  return command + behind;
}

// The numbers of an epoch over `world` ranks in global order, begun by `state` (empty: anew).
std::vector<std::int64_t> global_order(LoaderOptions options, std::uint64_t world,
                                       const std::string& state = "") {
  std::vector<std::vector<std::int64_t>> ranks;
  for (std::uint64_t rank = 0; rank < world; ++rank) {
    options.rank = rank;
    options.world_size = world;
    Loader loader(options);
    if (!state.empty()) loader.load_state(state);
    ranks.push_back(drain(loader));
  }
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < ranks[0].size(); ++i) {
    for (const auto& rank : ranks) {
      REQUIRE(rank.size() == ranks[0].size());
      order.push_back(rank[i]);
    }
  }
  return order;
}

TEST_CASE("only tars are streamed") {
  const test::ScratchFolder folder;
  LoaderOptions options = streamed(Shards({2}));
  options.sources = {folder.write("captions.jsonl", "{}\n")};
  CHECK_THROWS_WITH_AS(Loader{options},
                       doctest::Contains("captions.jsonl\" is jsonl, and streams are tar only"),
                       std::invalid_argument);
}

TEST_CASE("streams deliver every sample once, each block shuffled within itself") {
  const Shards shards({23, 40, 9});
  Loader loader(streamed(shards));
  const std::vector<std::int64_t> order = drain(loader);
  CHECK(order.size() == 72);
  CHECK(std::set<std::int64_t>(order.begin(), order.end()).size() == 72);
  CHECK(!std::is_sorted(order.begin(), order.end()));
  // The first block is the first shard's first 16 samples.
  CHECK(*std::max_element(order.begin(), order.begin() + 16) == 15);
  CHECK(drain(loader) != order);  // the next epoch
  CHECK(loader.ledger().expected == 72);
  CHECK(loader.ledger(true).shards.at(shards.paths()[1]).expected() == 40);
  LoaderOptions plain = streamed(shards);
  plain.shuffle = false;
  Loader in_order(plain);
  CHECK(std::is_sorted(order.begin(), order.end()) == false);
  const std::vector<std::int64_t> sequence = drain(in_order);
  CHECK(std::is_sorted(sequence.begin(), sequence.end()));
  CHECK(sequence.size() == 72);
}

TEST_CASE("the order of a stream hangs on seed and epoch alone, not on threads or prefetch") {
  const Shards shards({60, 31});
  LoaderOptions options = streamed(shards);
  const std::vector<std::int64_t> order = global_order(options, 1);
  options.threads = 5;
  options.prefetch_batches = 7;
  CHECK(global_order(options, 1) == order);
  CHECK(global_order(options, 7) == order);  // 91 = 7 x 13: no rank is padded
  options.seed = 4;
  CHECK(global_order(options, 1) != order);
}

TEST_CASE("a stream goes on exactly where it was, at any world size") {
  const Shards shards({60, 36});
  const LoaderOptions options = streamed(shards);
  const std::vector<std::int64_t> order = global_order(options, 1);
  for (std::size_t batches = 0; batches <= order.size() / options.batch_size; ++batches) {
    CAPTURE(batches);
    Loader loader(options);
    for (std::size_t i = 0; i < batches; ++i) CHECK(loader.next());
    const std::string state = loader.state();
    const std::size_t done = batches * options.batch_size;
    for (const std::uint64_t world : {1, 2, 3}) {
      if ((order.size() - done) % world != 0) continue;
      const std::vector<std::int64_t> rest = global_order(options, world, state);
      CHECK(std::equal(rest.begin(), rest.end(), order.begin() + static_cast<std::ptrdiff_t>(done),
                       order.end()));
    }
  }
}

TEST_CASE("ranks over a stream take equal numbers of batches: the tail is dropped or padded") {
  const Shards shards({50});
  LoaderOptions options = streamed(shards);
  options.world_size = 3;
  std::uint64_t accounted = 0;
  std::uint64_t padded = 0;
  std::set<std::int64_t> seen;
  for (const bool drop_last : {true, false}) {
    options.drop_last = drop_last;
    accounted = 0;
    padded = 0;
    seen.clear();
    std::set<std::size_t> lengths;
    for (options.rank = 0; options.rank < 3; ++options.rank) {
      Loader loader(options);
      const std::vector<std::int64_t> delivered = drain(loader);
      lengths.insert(delivered.size());
      seen.insert(delivered.begin(), delivered.end());
      const Ledger ledger = loader.ledger();
      CHECK(ledger.accounted() == ledger.expected);
      accounted += ledger.accounted();
      padded += ledger.padded;
    }
    CHECK(lengths.size() == 1);
    CHECK(accounted - padded == 50);
    CHECK(seen.size() == (drop_last ? 48 : 50));
  }
}

TEST_CASE("bad samples of a stream are substituted within their block and accounted for") {
  const Shards shards({30, 30}, {4, 37, 38});
  LoaderOptions options = streamed(shards);
  std::vector<std::int64_t> first;
  for (const std::size_t threads : {1, 4}) {
    options.threads = threads;
    Loader loader(options);
    const std::vector<std::int64_t> order = drain(loader);
    CHECK(order.size() == 60);
    const Ledger ledger = loader.ledger();
    CHECK(ledger.substituted == 3);
    CHECK(ledger.bad_samples.at("bad_number") == 3);
    if (first.empty()) first = order;
    CHECK(order == first);
  }
}

TEST_CASE("commands run only where that is allowed, and one that fails is no end of the data") {
  const Shards shards({20});
  LoaderOptions options = streamed(shards);
  options.streaming = false;  // `pipe:` is a stream anyway
  options.sources = {command_for(shards)};
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("allow"), LoaderError);
  options.allow_commands = true;
  Loader loader(options);
  CHECK(drain(loader).size() == 20);
  CHECK(drain(loader).size() == 20);  // run again for the next epoch
  options.sources = {command_for(shards, "; exit 3")};
  options.on_bad_sample = OnBadSample::raise;
  Loader failing(options);
  CHECK_THROWS_AS(drain(failing), LoaderError);
}

TEST_CASE("a loader over a silent command ends at once, and next_within gives up waiting") {
  LoaderOptions options = streamed(Shards({1}));
  options.sources = {"pipe:sleep 1000"};
  options.allow_commands = true;
  for (int i = 0; i < 20; ++i) {
    Loader loader(options);
    const Loader::Taken taken = loader.next_within(0.01);
    CHECK(!taken.batch);
    CHECK(!taken.end);
  }
}

TEST_CASE("what a stream cannot do is refused by name") {
  const Shards shards({20});
  LoaderOptions options = streamed(shards);
  options.select.every = 2;
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("select"), std::invalid_argument);
  options = streamed(shards);
  options.samples_per_epoch = 10;
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("samples_per_epoch"),
                       std::invalid_argument);
  options = streamed(shards);
  options.read.format = "jsonl";
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("read.format = \"jsonl\""),
                       std::invalid_argument);
  options.read.format = "tar";
  Loader loader(options);
  CHECK_THROWS_AS(loader.batches(), std::logic_error);
  LoaderOptions indexed = options;
  indexed.streaming = false;
  CHECK_THROWS_WITH_AS(Loader(indexed).load_state(loader.state()),
                       doctest::Contains("streaming was true and is false"), std::invalid_argument);
}

TEST_CASE("streams without samples are an error, not an empty epoch") {
  LoaderOptions options = streamed(Shards({1}));
  options.sources = {"pipe:true"};
  options.allow_commands = true;
  Loader loader(options);
  CHECK_THROWS_AS(drain(loader), LoaderError);
}

TEST_CASE("a state from behind the end of its stream is refused, not taken for the end") {
  const Shards shards({40});
  const Shards shorter({22});
  LoaderOptions options = streamed(shards, 10);
  Loader loader(options);
  for (int i = 0; i < 6; ++i) CHECK(loader.next());  // 24 samples; their block begins at 20
  const std::string state = loader.state();
  std::filesystem::copy_file(shorter.paths()[0], shards.paths()[0],
                             std::filesystem::copy_options::overwrite_existing);
  Loader resumed(options);
  resumed.load_state(state);
  CHECK_THROWS_WITH_AS(drain(resumed), doctest::Contains("end after 22 samples"), LoaderError);
}

TEST_CASE("a stream that cannot be opened raises behind all that comes before it") {
  for (const std::size_t prefetch : {1, 3, 20}) {
    CAPTURE(prefetch);
    const Shards shards({40, 40});
    LoaderOptions options = streamed(shards, 10);
    options.prefetch_batches = prefetch;
    Loader loader(options);
    std::filesystem::remove(shards.paths()[1]);
    for (int i = 0; i < 10; ++i) CHECK(loader.next());
    CHECK(loader.ledger().delivered == 40);
    CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("cannot open"), LoaderError);
  }
}

TEST_CASE("streams broken off at any moment end cleanly") {
  const Shards shards({60, 41, 80}, {7, 100});
  std::mt19937_64 random(9);
  for (int i = 0; i < 200; ++i) {
    LoaderOptions options = streamed(shards, 1 + random() % 50);
    options.on_bad_sample = OnBadSample::skip;  // a block of one sample has no other to offer
    options.batch_size = 1 + random() % 40;
    options.threads = 1 + random() % 4;
    Loader loader(options);
    for (std::uint64_t batches = random() % 12; batches > 0; --batches) {
      static_cast<void>(loader.next());
      if (random() % 5 == 0) loader.start_epoch();
      if (random() % 9 == 0) loader.load_state(loader.state());
    }
  }
}

}  // namespace
}  // namespace millrace
