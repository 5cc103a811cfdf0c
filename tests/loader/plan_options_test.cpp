#include "millrace/loader/plan.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace millrace {
namespace {

TEST_CASE("weights and temperature are what the shares are in proportion to") {
  PlanOptions options;
  options.sources = {{1000, 8, 0}, {5, 2, 0}, {70, 0, 0}};  // the last: its number of samples
  const auto in_proportion = [](const PlanOptions& of, std::array<double, 3> to) {
    const auto shares = EpochPlan(of, 0).shares();
    const double all =
        static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}));
    const double sum = to[0] + to[1] + to[2];
    for (std::size_t s = 0; s < 3; ++s) {
      CHECK(static_cast<double>(shares[s]) / all == doctest::Approx(to[s] / sum).epsilon(1e-6));
    }
  };
  in_proportion(options, {8, 2, 70});
  options.temperature = 2;
  in_proportion(options, {std::sqrt(8.0), std::sqrt(2.0), std::sqrt(70.0)});
  options.temperature = 1e-300;  // the largest takes all: the others keep the least share there is
  const auto shares = EpochPlan(options, 0).shares();
  CHECK(shares[0] == 1);
  CHECK(shares[2] == std::uint64_t{1} << 40);
}

TEST_CASE("options that contradict or are out of range are refused by name") {
  const auto refused = [](const PlanOptions& options, const std::string& name,
                          std::uint64_t epoch = 0) {
    CAPTURE(name);
    try {
      const EpochPlan plan(options, epoch);
      FAIL_CHECK("not refused");
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).find(name) == 0);
    }
  };
  PlanOptions good;
  good.sources = {{10, 0, 0}, {20, 0, 0}};
  CHECK_NOTHROW(EpochPlan(good, 0));
  const auto with = [&](const auto& change) {
    PlanOptions options = good;
    change(options);
    return options;
  };
  refused(PlanOptions{}, "sources");
  refused(with([](PlanOptions& o) { o.sources[1].samples = 0; }), "mixture[1]");
  refused(with([](PlanOptions& o) { o.sources[0].samples = UINT64_MAX; }), "mixture[0]");
  refused(with([](PlanOptions& o) {
            o.sources[1].units =
                std::make_shared<const SampleCounts>(std::vector<std::uint64_t>{10, 11});
          }),
          "mixture[1]");
  refused(with([](PlanOptions& o) { o.sources[1].weight = -1; }), "mixture[1].weight");
  refused(with([](PlanOptions& o) { o.sources[1].weight = std::nan(""); }), "mixture[1].weight");
  refused(with([](PlanOptions& o) { o.sources[1].samples_per_epoch = 5; }),
          "mixture[1].samples_per_epoch");
  refused(with([](PlanOptions& o) { o.temperature = 0; }), "temperature");
  refused(with([](PlanOptions& o) { o.temperature = std::nan(""); }), "temperature");
  refused(with([](PlanOptions& o) { o.shuffle_window = 0; }), "shuffle_window");
  refused(with([](PlanOptions& o) { o.mixture_start.taken = {1}; }), "mixture_start");
  const PlanOptions counted = with([](PlanOptions& o) {
    for (PlanSource& source : o.sources) source.samples_per_epoch = 7;
  });
  CHECK_NOTHROW(EpochPlan(counted, 0));
  PlanOptions options = counted;
  options.samples_per_epoch = 9;
  refused(options, "samples_per_epoch");
  options = counted;
  options.temperature = 2;
  refused(options, "temperature");
  options = counted;
  options.sources[0].weight = 1;
  refused(options, "mixture[0].weight");
  refused(counted, "epoch", UINT64_MAX);
  refused(with([](PlanOptions& o) { o.samples_per_epoch = 9; }), "epoch", UINT64_MAX);
  refused(with([](PlanOptions& o) {
            o.sources = {{1, 0x1p53, 0}, {std::uint64_t{1} << 40, 1e-9, 0}};
            o.stop_at = StopAt::last_exhausted;
          }),
          "mixture");
}

}  // namespace
}  // namespace millrace
