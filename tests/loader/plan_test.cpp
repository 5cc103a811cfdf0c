#include "millrace/loader/plan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

using Sequence = std::vector<std::uint64_t>;  // sample numbers of one source

enum class Kind : std::uint8_t { whole, first_exhausted, last_exhausted, counts, length };
constexpr Kind kKinds[] = {Kind::whole, Kind::first_exhausted, Kind::last_exhausted, Kind::counts,
                           Kind::length};

void give_weights(PlanOptions& options, Random& random) {
  for (PlanSource& source : options.sources) {
    source.weight = static_cast<double>(random.in(1, 1000)) / 64;
  }
}

void give_counts(PlanOptions& options, Random& random) {
  for (PlanSource& source : options.sources) source.samples_per_epoch = random.size(2500);
}

// Into shards that are unpacked whole, some of them empty.
void divide(PlanSource& source, Random& random) {
  std::vector<std::uint64_t> units;
  const std::uint64_t most = random.in(1, source.samples);
  for (std::uint64_t left = source.samples; left > 0 || random.one_in(2); left -= units.back()) {
    units.push_back(random.one_in(5) ? 0 : random.below(std::min(most, left) + 1));
  }
  source.units = std::make_shared<const SampleCounts>(units);
}

PlanOptions random_options(Random& random, Kind kind) {
  PlanOptions options;
  const std::uint64_t sources = random.in(1, 5);
  for (std::uint64_t s = 0; s < sources; ++s) {
    options.sources.push_back({random.size(1500), 0, 0});
    if (random.one_in(3)) divide(options.sources.back(), random);
  }
  options.shuffle = !random.one_in(5);
  options.shuffle_window = random.size(3000);
  options.seed = random.bits();
  if (kind == Kind::first_exhausted || kind == Kind::last_exhausted) {
    give_weights(options, random);
    if (random.one_in(3)) options.temperature = 2;
    if (kind == Kind::last_exhausted) options.stop_at = StopAt::last_exhausted;
  }
  if (kind == Kind::counts) give_counts(options, random);
  if (kind == Kind::length) {
    options.samples_per_epoch = random.size(3000);
    if (random.one_in(2)) give_weights(options, random);
  }
  return options;
}

// What the positions [begin, end) of an epoch deliver, by source.
std::vector<Sequence> delivered(const EpochPlan& plan, std::uint64_t begin, std::uint64_t end) {
  std::vector<Sequence> by_source(plan.options().sources.size());
  for (std::uint64_t p = begin; p < end; ++p) {
    const PlannedSample sample = plan.at(p);
    by_source[sample.source].push_back(sample.number);
  }
  return by_source;
}

void append(std::vector<Sequence>& to, const std::vector<Sequence>& more) {
  to.resize(more.size());
  for (std::size_t s = 0; s < more.size(); ++s) {
    to[s].insert(to[s].end(), more[s].begin(), more[s].end());
  }
}

// Cut into pieces of `samples`, the sequence is one permutation of them after the other; nothing
// comes twice in the piece that is left over.
bool is_passes(const Sequence& sequence, std::uint64_t samples) {
  std::vector<std::uint64_t> seen_in(samples, 0);
  for (std::uint64_t i = 0; i < sequence.size(); ++i) {
    const std::uint64_t pass = i / samples + 1;
    if (sequence[i] >= samples || seen_in[sequence[i]] == pass) return false;
    seen_in[sequence[i]] = pass;
  }
  return true;
}

void require_passes(const std::vector<Sequence>& by_source, const PlanOptions& options) {
  for (std::size_t s = 0; s < by_source.size(); ++s) {
    CAPTURE(s);
    REQUIRE(is_passes(by_source[s], options.sources[s].samples));
  }
}

TEST_CASE("without shares, an epoch delivers every sample of every source once") {
  for_random_rounds(150, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::whole);
    const EpochPlan plan(options, random.below(5));
    const auto by_source = delivered(plan, 0, plan.size());
    for (std::size_t s = 0; s < by_source.size(); ++s) {
      REQUIRE(by_source[s].size() == options.sources[s].samples);
    }
    require_passes(by_source, options);
  });
}

TEST_CASE("stopped at the first exhausted, no sample comes twice and one source comes whole") {
  for_random_rounds(150, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::first_exhausted);
    const EpochPlan plan(options, random.below(5));
    const auto by_source = delivered(plan, 0, plan.size());
    bool one_is_whole = false;
    for (std::size_t s = 0; s < by_source.size(); ++s) {
      REQUIRE(by_source[s].size() <= options.sources[s].samples);
      one_is_whole = one_is_whole || by_source[s].size() == options.sources[s].samples;
    }
    REQUIRE(one_is_whole);
    require_passes(by_source, options);
  });
}

TEST_CASE("stopped at the last exhausted, every source comes whole and the last sample is needed") {
  for_random_rounds(100, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::last_exhausted);
    const EpochPlan plan(options, random.below(5));
    if (plan.size() > 200'000) return;
    const auto by_source = delivered(plan, 0, plan.size());
    require_passes(by_source, options);
    for (std::size_t s = 0; s < by_source.size(); ++s) {
      REQUIRE(by_source[s].size() >= options.sources[s].samples);
    }
    const std::size_t last = plan.at(plan.size() - 1).source;
    REQUIRE(by_source[last].size() == options.sources[last].samples);
  });
}

TEST_CASE("with counts, an epoch has exactly so many of each, and epochs go on without a gap") {
  for_random_rounds(100, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::counts);
    std::vector<Sequence> run;
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
      const EpochPlan plan(options, epoch);
      const auto by_source = delivered(plan, 0, plan.size());
      for (std::size_t s = 0; s < by_source.size(); ++s) {
        REQUIRE(by_source[s].size() == options.sources[s].samples_per_epoch);
      }
      append(run, by_source);
    }
    require_passes(run, options);
  });
}

TEST_CASE("with samples_per_epoch, epochs have that length and go on without a gap") {
  for_random_rounds(100, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::length);
    std::vector<Sequence> run;
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
      const EpochPlan plan(options, epoch);
      REQUIRE(plan.size() == options.samples_per_epoch);
      append(run, delivered(plan, 0, plan.size()));
    }
    require_passes(run, options);
    // Four epochs are one that is four times as long.
    PlanOptions longer = options;
    longer.samples_per_epoch *= 4;
    const EpochPlan plan(longer, 0);
    REQUIRE(delivered(plan, 0, plan.size()) == run);
  });
}

TEST_CASE("one source's epochs of its own length are its epochs") {
  for_random_rounds(30, [](Random& random) {
    PlanOptions options = random_options(random, Kind::whole);
    options.sources.resize(1);
    PlanOptions of_length = options;
    of_length.samples_per_epoch = options.sources[0].samples;
    PlanOptions weighted = options;
    weighted.sources[0].weight = 3;
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      const EpochPlan plan(options, epoch);
      const auto whole = delivered(plan, 0, plan.size());
      REQUIRE(delivered(EpochPlan(of_length, epoch), 0, plan.size()) == whole);
      const EpochPlan stopped(weighted, epoch);
      REQUIRE(stopped.size() == plan.size());
      REQUIRE(delivered(stopped, 0, plan.size()) == whole);
    }
  });
}

TEST_CASE("taken and position_of agree with what was delivered, in every kind of epoch") {
  for (const Kind kind : kKinds) {
    for_random_rounds(30, [&](Random& random) {
      const PlanOptions options = random_options(random, kind);
      const EpochPlan plan(options, random.below(3));
      const std::uint64_t end = std::min<std::uint64_t>(plan.size(), 20'000);
      const std::vector<std::uint64_t> before = plan.taken(0);
      std::vector<std::uint64_t> counts(options.sources.size(), 0);
      std::map<std::pair<std::size_t, std::uint64_t>, std::uint64_t> first;
      for (std::uint64_t p = 0; p < end; ++p) {
        if (random.one_in(16)) {
          const std::vector<std::uint64_t> taken = plan.taken(p);
          for (std::size_t s = 0; s < counts.size(); ++s)
            REQUIRE(taken[s] == before[s] + counts[s]);
        }
        const PlannedSample sample = plan.at(p);
        ++counts[sample.source];
        first.emplace(std::pair{sample.source, sample.number}, p);
      }
      for (std::size_t s = 0; s < options.sources.size(); ++s) {
        for (std::uint64_t n = 0; n < options.sources[s].samples; n += random.in(1, 5)) {
          const auto found = plan.position_of({s, n});
          const auto brute = first.find({s, n});
          if (brute != first.end()) {
            REQUIRE(found == brute->second);
          } else {
            REQUIRE((!found || *found >= end));
          }
        }
      }
    });
  }
}

TEST_CASE("where the epoch ends changes nothing before its end") {
  for_random_rounds(60, [](Random& random) {
    PlanOptions options = random_options(random, Kind::length);
    options.samples_per_epoch = random.in(10, 2000);
    PlanOptions longer = options;
    longer.samples_per_epoch *= random.in(2, 1000);
    const EpochPlan one(options, 0);
    const EpochPlan other(longer, 0);
    for (std::uint64_t p = 0; p < one.size(); ++p) REQUIRE(one.at(p) == other.at(p));

    PlanOptions first = random_options(random, Kind::first_exhausted);
    PlanOptions last = first;
    last.stop_at = StopAt::last_exhausted;
    const EpochPlan shorter(first, 2);
    const EpochPlan whole(last, 2);
    REQUIRE(shorter.size() <= whole.size());
    for (std::uint64_t p = 0; p < shorter.size(); ++p) REQUIRE(shorter.at(p) == whole.at(p));
    if (shorter.size() < whole.size()) {
      // The next position would have begun a source anew.
      const std::size_t next = whole.at(shorter.size()).source;
      REQUIRE(whole.taken(shorter.size())[next] == first.sources[next].samples);
    }
  });
}

TEST_CASE("the sequence of one source does not depend on the others' shares") {
  for_random_rounds(40, [](Random& random) {
    const PlanOptions options = random_options(random, Kind::length);
    PlanOptions others = options;
    give_weights(others, random);
    const EpochPlan one(options, 0);
    const EpochPlan other(others, 0);
    const auto first = delivered(one, 0, one.size());
    const auto second = delivered(other, 0, other.size());
    for (std::size_t s = 0; s < first.size(); ++s) {
      const std::size_t both = std::min(first[s].size(), second[s].size());
      REQUIRE(std::equal(first[s].begin(), first[s].begin() + static_cast<std::ptrdiff_t>(both),
                         second[s].begin()));
    }
  });
}

TEST_CASE("new shares from a position on: each source goes on exactly where it was") {
  for (const Kind kind : kKinds) {
    for_random_rounds(40, [&](Random& random) {
      const PlanOptions options = random_options(random, kind);
      const std::uint64_t epoch = random.below(3);
      const EpochPlan before(options, epoch);
      if (before.size() > 100'000) return;
      const std::uint64_t position = random.below(before.size() + 1);

      PlanOptions changed = options;
      if (kind == Kind::counts) {
        give_counts(changed, random);
      } else if (kind == Kind::whole) {
        if (random.one_in(2)) give_weights(changed, random);
      } else {
        give_weights(changed, random);
      }
      changed.mixture_start = {epoch, position, before.taken(position)};
      const EpochPlan after(changed, epoch);
      REQUIRE(after.begin() == position);
      REQUIRE(after.size() >= position);
      REQUIRE(after.taken(position) == before.taken(position));
      if (after.size() > 100'000) return;

      // With counts or lengths the run is one sequence over the epochs, before and after.
      std::vector<Sequence> run;
      const bool goes_on = kind == Kind::counts || kind == Kind::length;
      if (goes_on) {
        for (std::uint64_t e = 0; e < epoch; ++e) {
          const EpochPlan plan(options, e);
          append(run, delivered(plan, 0, plan.size()));
        }
      }
      append(run, delivered(before, 0, position));
      append(run, delivered(after, position, after.size()));
      if (goes_on) {
        for (std::uint64_t e = epoch + 1; e < epoch + 3; ++e) {
          const EpochPlan plan(changed, e);
          REQUIRE(plan.begin() == 0);
          const auto by_source = delivered(plan, 0, plan.size());
          for (std::size_t s = 0; kind == Kind::counts && s < by_source.size(); ++s) {
            REQUIRE(by_source[s].size() == changed.sources[s].samples_per_epoch);
          }
          append(run, by_source);
        }
      }
      require_passes(run, options);
      if (kind == Kind::whole && changed.sources[0].weight == 0) {
        for (std::size_t s = 0; s < run.size(); ++s) {
          REQUIRE(run[s].size() == options.sources[s].samples);
        }
      }
      for (int i = 0; i < 20 && after.size() > position; ++i) {
        const std::uint64_t p = random.in(position, after.size() - 1);
        const auto found = after.position_of(after.at(p));
        REQUIRE(found);
        REQUIRE(*found >= position);
        REQUIRE(*found <= p);
        REQUIRE(after.at(*found) == after.at(p));
      }
    });
  }
}

TEST_CASE("shares may change more than once, and a source still goes on where it was") {
  for_random_rounds(40, [](Random& random) {
    PlanOptions options = random_options(random, Kind::length);
    options.samples_per_epoch = random.in(200, 2000);
    std::vector<Sequence> run;
    std::uint64_t position = 0;
    std::uint64_t epoch = 0;
    for (int change = 0; change < 5; ++change) {
      const EpochPlan plan(options, epoch);
      const std::uint64_t stop = random.in(position, plan.size());
      append(run, delivered(plan, position, stop));
      if (random.one_in(2)) {  // go on into the next epoch before the shares change
        append(run, delivered(plan, stop, plan.size()));
        position = 0;
        ++epoch;
        continue;
      }
      options.mixture_start = {epoch, stop, plan.taken(stop)};
      give_weights(options, random);
      position = stop;
    }
    require_passes(run, options);
  });
}

TEST_CASE("substitutes come from the sample's own source and pass, all different") {
  for (const Kind kind : kKinds) {
    for_random_rounds(20, [&](Random& random) {
      const PlanOptions options = random_options(random, kind);
      const EpochPlan plan(options, random.below(3));
      if (plan.size() == 0) return;
      const std::uint64_t position = random.below(plan.size());
      const PlannedSample sample = plan.at(position);
      std::set<std::uint64_t> seen = {sample.number};
      for (std::uint64_t attempt = 1; attempt <= plan.substitutes(position); ++attempt) {
        const PlannedSample other = plan.substitute(position, attempt);
        REQUIRE(other.source == sample.source);
        REQUIRE(other.number < options.sources[sample.source].samples);
        REQUIRE(seen.insert(other.number).second);
      }
      REQUIRE(plan.substitutes(position) < options.sources[sample.source].samples);
    });
  }
}

TEST_CASE("epochs and seeds differ, sources of one run differ, the same plan is the same") {
  PlanOptions options;
  options.sources = {{800, 0, 0}, {800, 0, 0}};
  options.shuffle = true;
  const auto deal = [&](std::uint64_t seed, std::uint64_t epoch) {
    PlanOptions of_seed = options;
    of_seed.seed = seed;
    const EpochPlan plan(of_seed, epoch);
    return delivered(plan, 0, plan.size());
  };
  CHECK(deal(1, 0) == deal(1, 0));
  CHECK(deal(1, 0)[0] != deal(1, 1)[0]);
  CHECK(deal(1, 0)[0] != deal(2, 0)[0]);
  CHECK(deal(1, 0)[0] != deal(1, 0)[1]);
}

TEST_CASE("the plans of mapped shards are those that states were written with") {
  PlanOptions options;
  options.sources = {{1000, 3, 0}, {77, 1, 0}, {5000, 2, 0}};
  options.shuffle = true;
  options.shuffle_window = 600;
  options.seed = 9;
  options.stop_at = StopAt::last_exhausted;
  const EpochPlan plan(options, 2);
  std::uint64_t hash = plan.size();
  for (std::uint64_t p = 0; p < plan.size(); ++p) {
    const PlannedSample sample = plan.at(p);
    hash = mix(mix(hash, sample.source), sample.number);
  }
  CHECK(hash == 0xceb6497e76ece7c7);
}

}  // namespace
}  // namespace millrace
