#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/loader.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

using test::Shards;

TEST_CASE("loaders started, broken off and destroyed at any moment end cleanly and quickly") {
  const Shards shards({60, 41, 80}, {7, 100});
  std::mt19937_64 random(5);
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kLoaders = 3000 / test::kSanitizedStride;
  for (int i = 0; i < kLoaders; ++i) {
    LoaderOptions options = shards.options();
    options.shuffle = random() % 2 == 0;
    options.batch_size = 1 + random() % 40;
    options.threads = 1 + random() % 4;
    options.prefetch_batches = 1 + random() % 6;
    options.on_bad_sample = random() % 2 == 0 ? OnBadSample::substitute : OnBadSample::skip;
    Loader loader(options);
    std::vector<Batch> kept;
    for (std::uint64_t batches = random() % 12; batches > 0; --batches) {
      std::optional<Batch> batch = loader.next();
      if (batch && random() % 3 == 0) kept.push_back(std::move(*batch));
      if (random() % 5 == 0) loader.start_epoch();
      if (random() % 7 == 0) loader.set_epoch(random() % 3);
      if (random() % 9 == 0) loader.load_state(loader.state());
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  MESSAGE(kLoaders << " loaders in " << seconds << " s");
}

TEST_CASE("statistics and ledger may be asked for from other threads while batches flow") {
  const Shards shards({500}, {3});
  Loader loader(shards.options());
  std::jthread asking([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Ledger ledger = loader.ledger();
      CHECK(ledger.accounted() <= 500);
      CHECK(loader.stats().samples <= 1500);
    }
  });
  for (int epoch = 0; epoch < 3; ++epoch) CHECK(test::drain(loader).size() == 500);
}

}  // namespace
}  // namespace millrace
