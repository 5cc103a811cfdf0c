#include <filesystem>
#include <random>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/loader.h"
#include "scratch_folder.h"

namespace millrace {
namespace {

using test::drain;
using test::numbers;
using test::Shards;

LoaderOptions shuffled(const Shards& shards) {
  LoaderOptions options = shards.options();
  options.shuffle = true;
  options.shuffle_window = 40;
  options.seed = 11;
  return options;
}

TEST_CASE("a resume goes on with exactly the samples not delivered, in the same order") {
  const Shards shards({70, 51, 80});
  LoaderOptions options = shuffled(shards);
  Loader whole(options);
  const auto expected = drain(whole);
  for (std::size_t stop = 0; stop <= whole.batches(); stop += 4) {
    Loader first(options);
    std::vector<std::int64_t> got;
    for (std::size_t i = 0; i < stop; ++i) {
      for (const std::int64_t n : numbers(*first.next())) got.push_back(n);
    }
    options.threads = 1 + stop % 3;
    options.batch_size = 8 + stop;  // may change, like the threads
    Loader second(options);
    second.load_state(first.state());
    const auto rest = drain(second);
    CHECK(second.ledger().accounted() == second.ledger().expected);
    got.insert(got.end(), rest.begin(), rest.end());
    CHECK(got == expected);
    options = shuffled(shards);
  }
}

TEST_CASE("a state carries the epoch, and a loop over the loader begins where it stood") {
  const Shards shards({30});
  Loader first(shuffled(shards));
  static_cast<void>(drain(first));
  static_cast<void>(first.next());
  const std::string state = first.state();
  const auto expected = numbers(*first.next());
  Loader second(shuffled(shards));
  second.load_state(state);
  second.set_epoch(1);   // as the usual training loop does
  second.start_epoch();  // as a range-for does
  CHECK(second.epoch() == 1);
  CHECK(numbers(*second.next()) == expected);
  second.start_epoch();
  CHECK(numbers(*second.next()) != expected);
}

TEST_CASE("what was only prefetched does not count as delivered") {
  const Shards shards({100});
  LoaderOptions options = shuffled(shards);
  options.prefetch_batches = 8;
  Loader loader(options);
  static_cast<void>(loader.next());
  CHECK(loader.state().find("\"position\":8,") != std::string::npos);
}

TEST_CASE("one run over 1, 2, 8 and 3 ranks with the same global batch is one global sequence") {
  const Shards shards({200, 143});
  LoaderOptions options = shuffled(shards);
  options.batch_size = 24;
  Loader whole(options);
  std::vector<std::vector<std::int64_t>> expected;
  while (const auto batch = whole.next()) expected.push_back(numbers(*batch));
  std::string state;
  std::size_t step = 0;
  for (const std::uint64_t world : {1, 2, 8, 3}) {
    std::vector<std::vector<std::int64_t>> of_rank[3];
    std::string next_state;
    for (std::uint64_t rank = 0; rank < world; ++rank) {
      options.world_size = world;
      options.rank = rank;
      options.batch_size = 24 / world;
      Loader loader(options);
      if (!state.empty()) loader.load_state(state);
      for (std::size_t s = 0; s < 3; ++s) {
        const auto own = numbers(*loader.next());
        for (std::size_t i = 0; i < own.size(); ++i) {
          CHECK(own[i] == expected[step + s][i * world + rank]);
        }
      }
      next_state = loader.state();
    }
    state = next_state;
    step += 3;
  }
}

TEST_CASE("a state of other options or of another dataset is refused with the difference named") {
  const Shards shards({20});
  const Shards other({21});
  const std::string state = Loader(shuffled(shards)).state();
  LoaderOptions options = shuffled(shards);
  options.seed = 12;
  CHECK_THROWS_WITH_AS(Loader(options).load_state(state),
                       doctest::Contains("seed was 11 and is 12"), std::invalid_argument);
  options = shuffled(shards);
  options.shuffle_window = 41;
  CHECK_THROWS_WITH_AS(Loader(options).load_state(state), doctest::Contains("shuffle_window"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Loader(shuffled(other)).load_state(state),
                       doctest::Contains("samples was 20 and is 21"), std::invalid_argument);
}

TEST_CASE("what is no state is refused and changes nothing") {
  const Shards shards({20});
  Loader loader(shuffled(shards));
  const std::string before = loader.state();
  for (const char* text :
       {"", "[]", "{}", "{\"version\":2}", "{\"version\":1,\"fingerprint\":1}"}) {
    CHECK_THROWS_AS(loader.load_state(text), std::invalid_argument);
  }
  for (const auto& [from, to] : {std::pair{"\"position\":0", "\"position\":-1"},
                                 {"\"position\":0", "\"position\":21"},
                                 {"\"seed\":11", "\"seed\":12"},
                                 {"\"epoch\":0", "\"epoch\":-3"},
                                 {"\"epoch\":0", "\"epoch\":0.5"}}) {
    std::string changed = before;
    changed.replace(changed.find(from), std::string(from).size(), to);
    CHECK_THROWS_AS(loader.load_state(changed), std::invalid_argument);
  }
  CHECK(loader.state() == before);
}

TEST_CASE("a file of keys is read when the loader is made, and not again") {
  const Shards shards({30});
  const test::ScratchFolder folder;
  folder.write("keys", "000003\n000011\n000012\n");
  LoaderOptions options = shuffled(shards);
  options.use_index = false;
  options.select.keep_keys = {"@" + folder.path("keys")};
  Loader loader(options);
  const std::string state = loader.state();
  std::filesystem::remove(folder.path("keys"));
  for (int epoch = 0; epoch < 3; ++epoch) CHECK(drain(loader).size() == 3);
  loader.load_state(state);
  CHECK(drain(loader).size() == 3);
}

}  // namespace
}  // namespace millrace
