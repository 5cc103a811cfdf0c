#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include "loader/epoch_model.h"
#include "loader/random_rounds.h"
#include "loader/shards.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::EpochModel;
using test::NumberedSources;

void choose_shares(Random& random, LoaderOptions& options, bool counts) {
  for (MixtureSource& source : options.mixture) {
    source.weight = 0;
    source.samples_per_epoch = counts ? random.in(1, 80) : 0;
  }
  options.temperature = 1;
  if (counts || random.one_in(4)) return;
  for (MixtureSource& source : options.mixture) {
    source.weight = static_cast<double>(random.in(1, 8)) / 2;
  }
  if (random.one_in(3)) options.temperature = static_cast<double>(random.in(1, 6)) / 2;
}

Selection choose_selection(Random& random, const NumberedSources::Source& source) {
  Selection select;
  if (random.one_in(4)) {
    select.shards_begin = source.shards.size() - 1;  // never an empty one
    select.shards_end = source.shards.size();
  }
  std::uint64_t samples = 0;
  for (std::size_t i = select.shards_begin; i < source.shards.size(); ++i) {
    samples += source.shards[i].size();
  }
  if (random.one_in(4)) {
    select.every = random.in(1, 3);
    select.every_offset = random.below(std::min(select.every, samples));
  }
  return select;
}

LoaderOptions choose_options(Random& random, const NumberedSources& data) {
  LoaderOptions options;
  options.columns = {{"n", number("num", Dtype::int64)}};
  options.error_budget = {1, ~std::uint64_t{0}};
  options.use_index = false;
  options.open_shard = data.opener();
  const std::uint64_t shard_bytes = test::UnpackedShards::kShardBytes;
  options.unpacked_cache_bytes = shard_bytes * (random.one_in(3) ? 1000 : random.below(6));
  if (data.sources().size() == 1 && random.one_in(2)) {
    options.sources = data.sources().front().paths;
    options.select = choose_selection(random, data.sources().front());
  } else {
    for (const NumberedSources::Source& source : data.sources()) {
      const std::string name = "source " + std::to_string(options.mixture.size());
      options.mixture.push_back({name, source.paths, 0, 0, choose_selection(random, source)});
    }
    choose_shares(random, options, random.one_in(3));
    if (random.one_in(2)) options.stop_at = StopAt::last_exhausted;
  }
  const bool counts = !options.mixture.empty() && options.mixture.front().samples_per_epoch > 0;
  if (!counts && random.one_in(3)) options.samples_per_epoch = random.in(1, 150);
  options.shuffle = !random.one_in(4);
  options.shuffle_window = random.size(100);
  options.seed = random.bits();
  options.epoch = random.one_in(8) ? random.in(1, 1000) : 0;
  options.drop_last = random.one_in(2);
  options.on_bad_sample = random.one_in(2)   ? OnBadSample::substitute
                          : random.one_in(5) ? OnBadSample::raise
                                             : OnBadSample::skip;
  return options;
}

// What a run may do anew each time it goes on. With drop_last a whole epoch must hold a batch.
void choose_ranks(Random& random, const NumberedSources& data, LoaderOptions& options) {
  options.rank = 0;
  options.world_size = random.in(1, 5);
  options.batch_size = random.in(1, 20);
  while (EpochModel(options, data, options.epoch, {}).batches(0) == 0) {
    if (options.world_size > 1) --options.world_size;
    if (options.batch_size > 1) --options.batch_size;
  }
}

void check_equal(const Ledger& is, const Ledger& should_be) {
  CHECK(is.epoch == should_be.epoch);
  CHECK(is.from_position == should_be.from_position);
  CHECK(is.expected == should_be.expected);
  CHECK(is.delivered == should_be.delivered);
  CHECK(is.substituted == should_be.substituted);
  CHECK(is.skipped == should_be.skipped);
  CHECK(is.bad_samples == should_be.bad_samples);
  CHECK(is.padded == should_be.padded);
  CHECK(is.sources == should_be.sources);
  CHECK(is.shards == should_be.shards);
}

enum class Stopped : std::uint8_t { as_asked, at_the_end, in_an_error };

// One rank of a part of a run: takes the batches and holds each against the model.
Stopped run_rank(const LoaderOptions& options, const EpochModel& model, const std::string& resumed,
                 std::uint64_t begin, std::uint64_t batches, bool new_shares, std::string& state,
                 Ledger& booked) {
  Loader loader(options);
  if (!resumed.empty()) loader.load_state(resumed, {new_shares});
  state = loader.state();
  Ledger ledger = model.begin_ledger(begin);
  for (std::uint64_t b = 0; b < batches; ++b) {
    const Ledger before = ledger;
    const std::vector<EpochModel::Slot> slots = model.batch(begin, b, ledger);
    std::vector<std::int64_t> expected;
    bool raises = false;
    for (const EpochModel::Slot& slot : slots) {
      raises = raises || slot.outcome == Outcome::raised;
      if (slot.outcome != Outcome::skipped) expected.push_back(slot.number);
    }
    // Alone, a rank passes over a batch of which nothing is left.
    const bool falls_out_of_step = expected.empty() && options.world_size > 1;
    if (raises || falls_out_of_step) {
      CHECK_THROWS_AS(loader.next(), LoaderError);
      CHECK(loader.state() == state);
      CHECK(loader.ledger(true).shards == before.shards);
      CHECK(loader.ledger().accounted() == before.accounted());
      return Stopped::in_an_error;
    }
    if (expected.empty()) continue;
    const std::optional<Batch> batch = loader.next();
    REQUIRE(batch.has_value());
    CHECK(test::numbers(*batch) == expected);
    state = loader.state();
    const std::string position = std::to_string(model.after(begin, b + 1));
    CHECK(state.find("\"position\":" + position + ",") != std::string::npos);
    if (b % 4 == 0) check_equal(loader.ledger(true), ledger);
  }
  if (batches == model.batches(begin)) {
    CHECK_FALSE(loader.next().has_value());
    CHECK(loader.epoch() == model.plan().epoch() + 1);
    model.book_dropped(begin, ledger);
    CHECK(loader.ledger().accounted() == loader.ledger().expected);
    state = loader.state();
  }
  booked = loader.ledger(true);
  check_equal(booked, ledger);
  return batches == model.batches(begin) ? Stopped::at_the_end : Stopped::as_asked;
}

// A run that is stopped at random batches and goes on at other numbers of ranks and threads.
class Run {
 public:
  explicit Run(Random& random)
      : random_(random),
        data_(random, random.one_in(3) ? 1 : random.in(2, 5), random.one_in(3) ? 0 : 20),
        options_(choose_options(random, data_)),
        epoch_(options_.epoch) {}

  void go() {
    for (std::uint64_t left = random_.in(1, 8); left > 0 && !failed_; --left) part();
  }
  static inline std::uint64_t parts = 0;
  static inline std::uint64_t whole_epochs = 0;
  static inline std::uint64_t errors = 0;
  static inline std::uint64_t new_shares = 0;

 private:
  void part() {
    ++parts;
    bool changes = false;
    if (!state_.empty() && options_.mixture.size() > 1 && random_.one_in(4)) {
      changes = true;
      change_shares();
    }
    choose_ranks(random_, data_, options_);
    const EpochModel model(options_, data_, epoch_, start_);
    const std::uint64_t all = model.batches(begin_);
    const std::uint64_t batches = random_.one_in(3) ? all : random_.below(all + 1);
    std::string state;
    Stopped stopped = Stopped::as_asked;
    bool passed_over = false;
    for (options_.rank = 0; options_.rank < options_.world_size; ++options_.rank) {
      options_.threads = random_.in(1, 8);
      options_.prefetch_batches = random_.in(1, 6);
      options_.read_ahead_bytes = random_.one_in(2) ? 0 : 1 << 20;
      std::string own;
      Ledger booked;
      stopped = run_rank(options_, EpochModel(options_, data_, epoch_, start_), state_, begin_,
                         batches, changes, own, booked);
      if (stopped == Stopped::in_an_error) {
        failed_ = true;
        ++errors;
        return;
      }
      if (options_.rank > 0) CHECK(own == state);
      state = own;
      for (const auto& [path, account] : booked.shards) covered_[path] += account.expected();
      passed_over = state.find("\"position\":" + std::to_string(model.after(begin_, batches)) +
                               ",") == std::string::npos;
    }
    // Its last batches may have been passed over, with nothing to hand the new state over with.
    if (stopped != Stopped::at_the_end && passed_over) {
      failed_ = true;
      return;
    }
    state_ = state;
    begin_ = model.after(begin_, batches);
    if (stopped == Stopped::at_the_end) end_epoch(model);
  }

  void change_shares() {
    const EpochModel before(options_, data_, epoch_, start_);
    const std::vector<std::uint64_t> taken = before.plan().taken(begin_);
    const std::vector<std::uint64_t> shares = before.plan().shares();
    choose_shares(random_, options_, options_.mixture.front().samples_per_epoch > 0);
    const MixtureStart start{epoch_, begin_, taken};
    if (EpochModel(options_, data_, epoch_, {}).plan().shares() == shares) return;
    const EpochModel after(options_, data_, epoch_, start);
    CHECK(after.plan().taken(begin_) == taken);  // each source goes on where it was
    start_ = start;
    changed_ = true;
    ++new_shares;
  }

  void end_epoch(const EpochModel& model) {
    ++whole_epochs;
    std::uint64_t covered = 0;
    for (const auto& [path, samples] : covered_) covered += samples;
    CHECK(covered == model.plan().size());
    const auto has_weight = [](const MixtureSource& s) {
      return s.weight > 0 || s.samples_per_epoch > 0;
    };
    const bool is_one_pass =
        !changed_ && options_.samples_per_epoch == 0 && options_.temperature == 1 &&
        std::none_of(options_.mixture.begin(), options_.mixture.end(), has_weight);
    if (is_one_pass) {
      const std::vector<MixtureSource> all = options_.all_sources();
      for (std::size_t s = 0; s < all.size(); ++s) {
        if (!all[s].select.selects_all()) continue;
        const NumberedSources::Source& source = data_.sources()[s];
        for (std::size_t i = 0; i < source.paths.size(); ++i) {
          CHECK(covered_[source.paths[i]] == source.shards[i].size());
        }
      }
    }
    covered_.clear();
    ++epoch_;
    begin_ = 0;
  }

  Random& random_;
  NumberedSources data_;
  LoaderOptions options_;
  std::uint64_t epoch_;
  std::uint64_t begin_ = 0;
  MixtureStart start_;
  bool changed_ = false;
  bool failed_ = false;
  std::string state_;
  std::map<std::string, std::uint64_t> covered_;
};

TEST_CASE("stopped anywhere and resumed at any size, what is delivered and booked is the plan") {
  const auto begin = std::chrono::steady_clock::now();
  for_random_rounds(250, [](Random& random) { Run(random).go(); });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  MESSAGE(Run::parts << " parts of runs, " << Run::whole_epochs << " whole epochs, " << Run::errors
                     << " ended in an error that was due, " << Run::new_shares
                     << " changes of shares; " << seconds << " s");
}

class DawdlingTransform : public Transform {
 public:
  OutputSpec output() const override { return {Dtype::int64, {}}; }
  std::string describe() const override { return R"({"type":"dawdling"})"; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    class Writer : public SlotWriter {
     public:
      Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                         const Draw& draw, StageTimes& times) override {
        std::this_thread::sleep_for(std::chrono::microseconds(engine_() % 200));
        return writer_->write(field, slot, draw, times);
      }

     private:
      std::unique_ptr<SlotWriter> writer_ = number("num", Dtype::int64).transform->make_writer();
      std::mt19937_64 engine_{std::random_device{}()};
    };
    return std::make_unique<Writer>();
  }
};

TEST_CASE("what stands in for a bad sample is the same under any timing") {
  for_random_rounds(3, [](Random& random) {
    const NumberedSources data(random, 3, 4);
    LoaderOptions options = choose_options(random, data);
    options.on_bad_sample = OnBadSample::substitute;
    options.columns = {{"n", {"num", std::make_shared<DawdlingTransform>()}}};
    choose_ranks(random, data, options);
    const EpochModel model(options, data, options.epoch, {});
    std::string state;
    for (std::size_t threads = 1; threads <= 8; ++threads) {
      options.threads = threads;
      Ledger booked;
      run_rank(options, model, {}, 0, model.batches(0), false, state, booked);
    }
  });
}

}  // namespace
}  // namespace millrace
