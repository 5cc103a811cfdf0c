#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::drain;
using test::numbers;
using test::Shards;

// Sources "a", "b", ... of which the samples are told apart by the columns.
LoaderOptions mixture_of(const std::vector<const Shards*>& sources,
                         const std::vector<double>& weights = {}) {
  LoaderOptions options = sources.front()->options();
  options.sources.clear();
  for (std::size_t s = 0; s < sources.size(); ++s) {
    MixtureSource& source = options.mixture.emplace_back();
    source.name = std::string(1, static_cast<char>('a' + s));
    source.sources = sources[s]->paths();
    if (!weights.empty()) source.weight = weights[s];
  }
  return options;
}

TEST_CASE("without weights an epoch of a mixture is every sample of every source once") {
  const Shards a({30, 11});
  const Shards b({7});
  Loader loader(mixture_of({&a, &b}));
  auto all = drain(loader);
  CHECK(all.size() == 48);
  std::sort(all.begin(), all.end());
  for (std::int64_t n = 0; n < 7; ++n) CHECK(std::count(all.begin(), all.end(), n) == 2);
  for (std::int64_t n = 7; n < 41; ++n) CHECK(std::count(all.begin(), all.end(), n) == 1);
  const Ledger ledger = loader.ledger(true);
  CHECK(ledger.sources.at("a").delivered == 41);
  CHECK(ledger.sources.at("b").delivered == 7);
  CHECK(ledger.shards.at(a.paths()[1]).expected() == 11);
}

TEST_CASE("weights share the batches out, and the epoch ends before a source would begin anew") {
  const Shards a({400});
  const Shards b({400});
  LoaderOptions options = mixture_of({&a, &b}, {3, 1});
  Loader loader(options);
  const auto all = drain(loader);
  const Ledger ledger = loader.ledger();
  CHECK(ledger.sources.at("a").delivered == 400);
  CHECK(ledger.sources.at("b").delivered > 100);
  CHECK(ledger.sources.at("b").delivered < 170);
  options.stop_at = StopAt::last_exhausted;
  Loader longer(options);
  CHECK(drain(longer).size() > all.size());
  CHECK(longer.ledger().sources.at("b").delivered == 400);
  CHECK(longer.ledger().sources.at("a").delivered > 1000);
}

TEST_CASE("a resume with other weights is refused by name, and goes on in each source if asked") {
  const Shards a({100});
  const Shards b({100});
  for (const bool to_none : {false, true}) {
    LoaderOptions options = mixture_of({&a, &b}, {1, 1});
    Loader first(options);
    std::multiset<std::int64_t> got;
    for (int i = 0; i < 5; ++i) {
      for (const std::int64_t n : numbers(*first.next())) got.insert(n);
    }
    options.mixture[0].weight = to_none ? 0 : 5;
    options.mixture[1].weight = to_none ? 0 : 1;
    CHECK_THROWS_WITH_AS(Loader(options).load_state(first.state()),
                         doctest::Contains("shares[0] was"), std::invalid_argument);
    Loader second(options);
    second.load_state(first.state(), {.new_shares = true});
    for (int i = 0; i < 5; ++i) {
      for (const std::int64_t n : numbers(*second.next())) got.insert(n);
    }
    // From here on these are its shares: nothing is new about them, in this epoch or the next.
    const std::string state = second.state();
    Loader third(options);
    third.load_state(state);
    CHECK(third.state() == state);
    for (const std::int64_t n : drain(third)) got.insert(n);
    CHECK(*std::max_element(got.begin(), got.end()) == 99);
    for (const std::int64_t n : got) CHECK(got.count(n) <= 2);  // once in each source
    if (to_none) CHECK(got.size() == 200);
    static_cast<void>(third.next());
    Loader fourth(options);
    fourth.load_state(third.state());
    CHECK(numbers(*fourth.next()) == numbers(*third.next()));
  }
}

TEST_CASE("shares may be changed when nothing of an epoch is left, too") {
  const Shards a({16});
  const Shards b({16});
  LoaderOptions options = mixture_of({&a, &b}, {1, 1});
  Loader first(options);
  std::uint64_t left = first.batches();
  while (left-- > 0) static_cast<void>(first.next());
  for (MixtureSource& source : options.mixture) source.weight = 0;
  Loader second(options);
  second.load_state(first.state(), {.new_shares = true});
  CHECK(second.batches() == first.batches());  // of the whole epoch, not of what is left
  static_cast<void>(drain(second));
  CHECK(second.epoch() == 1);
  CHECK(drain(second).size() == 32);
}

TEST_CASE("a state's mixture that cannot be is refused with what is wrong, and changes nothing") {
  const Shards a({20});
  const Shards b({20});
  for (const std::uint64_t length : {0, 30}) {
    LoaderOptions options = mixture_of({&a, &b}, {1, 1});
    options.samples_per_epoch = length;
    Loader loader(options);
    static_cast<void>(loader.next());
    options.mixture[0].weight = 2;
    Loader changed(options);
    changed.load_state(loader.state(), {.new_shares = true});
    const std::string before = changed.state();
    const auto mixture_at = before.find("\"mixture\":");
    REQUIRE(mixture_at != std::string::npos);
    const std::string mixture =
        before.substr(mixture_at, before.find('}', mixture_at) + 1 - mixture_at);
    for (const char* hostile :
         {"\"mixture\":1", "\"mixture\":{}", R"("mixture":{"taken":[]})",
          R"("mixture":{"taken":[4],"start_epoch":0,"start_position":8,"start_taken":[4]})",
          R"("mixture":{"taken":[4,4],"start_epoch":0,"start_position":8,"start_taken":[4]})",
          R"("mixture":{"taken":[4,4,4],"start_epoch":0,"start_position":8,"start_taken":[4,4]})",
          R"("mixture":{"taken":[4,4],"start_epoch":0,"start_position":9,"start_taken":[4,4]})",
          R"("mixture":{"taken":[4,4],"start_epoch":1,"start_position":0,"start_taken":[4,4]})",
          R"("mixture":{"taken":[4,4],"start_epoch":0,"start_position":8,"start_taken":[]})",
          R"("mixture":{"taken":[4,4],"start_epoch":0,"start_position":8,)"
          R"("start_taken":[18446744073709551615,18446744073709551615]})",
          R"("mixture":{"taken":[-4,4],"start_epoch":0,"start_position":8,"start_taken":[4,4]})"}) {
      CAPTURE(hostile);
      std::string state = before;
      state.replace(mixture_at, mixture.size(), hostile);
      for (const bool new_shares : {false, true}) {
        CHECK_THROWS_WITH_AS(changed.load_state(state, {new_shares}), doctest::Contains("state"),
                             std::invalid_argument);
      }
    }
    CHECK(changed.state() == before);
  }
}

TEST_CASE("a start beyond the epochs it lies in is refused") {
  const Shards a({20});
  const Shards b({20});
  LoaderOptions options = mixture_of({&a, &b}, {1, 1});
  options.samples_per_epoch = 30;
  Loader loader(options);
  loader.set_epoch(1);
  std::string state = loader.state();
  const auto at = state.find("\"mixture\":");
  REQUIRE(at != std::string::npos);
  state.replace(at, state.find('}', at) + 1 - at,
                R"("mixture":{"taken":[4,4],"start_epoch":0,"start_position":4000000000000000000,)"
                R"("start_taken":[4,4]})");
  CHECK_THROWS_AS(loader.load_state(state), std::invalid_argument);
  CHECK(loader.next().has_value());
}

TEST_CASE("what is refused in the middle of an epoch leaves it going on") {
  const Shards a({100});
  LoaderOptions options = mixture_of({&a}, {});
  options.samples_per_epoch = 90;
  Loader untouched(options);
  const auto expected = drain(untouched);
  Loader loader(options);
  std::vector<std::int64_t> got = numbers(*loader.next());
  CHECK_THROWS_AS(loader.load_state("{}"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(loader.set_epoch(std::uint64_t{1} << 63), doctest::Contains("epoch = "),
                       std::invalid_argument);
  for (const std::int64_t n : drain(loader)) got.push_back(n);
  CHECK(got == expected);
}

TEST_CASE("the last epochs that a number can name are delivered like any other") {
  const Shards a({20});
  for (const std::uint64_t epoch : {std::uint64_t{1} << 63, ~std::uint64_t{0} - 1}) {
    LoaderOptions options = a.options();
    options.shuffle = true;
    options.epoch = epoch;
    Loader loader(options);
    static_cast<void>(loader.next());
    Loader resumed(options);
    resumed.load_state(loader.state());
    CHECK(numbers(*resumed.next()) == numbers(*loader.next()));
    static_cast<void>(drain(loader));
    CHECK(loader.epoch() == epoch + 1);
    CHECK(drain(loader).size() == 20);
  }
}

TEST_CASE("a source of one sample is repeated as often as its share asks") {
  const Shards a({1});
  const Shards b({100});
  LoaderOptions options = mixture_of({&a, &b}, {1, 1});
  Loader first(options);
  CHECK(drain(first).size() < 20);  // the one sample, and what comes before it would again
  options.stop_at = StopAt::last_exhausted;
  Loader last(options);
  static_cast<void>(drain(last));
  CHECK(last.ledger().sources.at("b").delivered == 100);
  CHECK(last.ledger(true).shards.at(a.paths()[0]).delivered > 60);
}

TEST_CASE("a bad sample that is alone in its source has nothing to stand in for it") {
  const Shards a({1}, {0});
  const Shards b({10});
  Loader loader(mixture_of({&a, &b}));
  CHECK_THROWS_WITH_AS(drain(loader), doctest::Contains("could take its place"), LoaderError);
}

TEST_CASE("a thousand sources are a mixture like any other") {
  const Shards shards({3});
  LoaderOptions options = shards.options();
  options.sources.clear();
  for (int s = 0; s < 1000; ++s) {
    options.mixture.push_back({"source " + std::to_string(s), shards.paths(), 0, 0, {}});
  }
  options.batch_size = 100;
  Loader loader(options);
  const auto first = numbers(*loader.next());
  Loader resumed(options);
  resumed.load_state(loader.state());
  auto rest = drain(resumed);
  CHECK(first.size() + rest.size() == 3000);
  const Ledger ledger = resumed.ledger(true);
  CHECK(ledger.sources.size() == 1000);
  CHECK(ledger.shards.at(shards.paths()[0]).delivered == 2900);
}

TEST_CASE("epochs of a length of their own go on through the data, longer and shorter than it") {
  const Shards shards({20});
  for (const std::uint64_t length : {3, 7, 50}) {
    LoaderOptions options = shards.options();
    options.shuffle = true;
    options.samples_per_epoch = length;
    Loader loader(options);
    std::vector<std::int64_t> run;
    while (run.size() < 200) {
      const auto epoch = drain(loader);
      CHECK(epoch.size() == length);
      CHECK(loader.ledger().accounted() == length);
      run.insert(run.end(), epoch.begin(), epoch.end());
    }
    for (std::size_t pass = 0; pass < 10; ++pass) {
      std::vector<std::int64_t> numbers(run.begin() + static_cast<std::ptrdiff_t>(20 * pass),
                                        run.begin() + static_cast<std::ptrdiff_t>(20 * pass + 20));
      std::sort(numbers.begin(), numbers.end());
      for (std::int64_t n = 0; n < 20; ++n) CHECK(numbers[static_cast<std::size_t>(n)] == n);
    }
    options.drop_last = true;
    if (length < options.batch_size) {
      CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("batch_size = 8"),
                           std::invalid_argument);
    }
  }
}

TEST_CASE("an epoch that is refused does not take the place of a state that was loaded") {
  const Shards a({20});
  LoaderOptions options = a.options();
  options.samples_per_epoch = 1000;
  Loader loader(options);
  for (int i = 0; i < 3; ++i) CHECK(loader.next());
  const std::string state = loader.state();
  Loader resumed(options);
  resumed.load_state(state);
  CHECK_THROWS_AS(resumed.set_epoch(std::uint64_t{1} << 62), std::invalid_argument);
  resumed.start_epoch();
  CHECK(resumed.state() == state);
}

TEST_CASE("options that contradict each other are refused by name") {
  const Shards a({20});
  const auto refused = [&](const char* named, const auto& change) {
    LoaderOptions options = mixture_of({&a}, {1});
    options.mixture.push_back({"other", a.paths(), 1, 0, {}});
    change(options);
    CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains(named), std::invalid_argument);
  };
  refused("sources", [&](LoaderOptions& o) { o.sources = a.paths(); });
  refused("select", [](LoaderOptions& o) { o.select.every = 2; });
  refused("mixture.sources", [](LoaderOptions& o) { o.mixture[1].sources.clear(); });
  refused("\"a\": two sources", [](LoaderOptions& o) { o.mixture[1].name = "a"; });
  refused("mixture.weight", [](LoaderOptions& o) { o.mixture[1].weight = -1; });
  refused("samples_per_epoch", [](LoaderOptions& o) { o.mixture[1].samples_per_epoch = 3; });
  refused("temperature", [](LoaderOptions& o) { o.temperature = 0; });
  refused("samples_per_epoch", [](LoaderOptions& o) {
    for (MixtureSource& source : o.mixture) source.weight = 0, source.samples_per_epoch = 5;
    o.samples_per_epoch = 8;
  });
}

}  // namespace
}  // namespace millrace
