#include "millrace/loader/pipeline-inl.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <latch>
#include <tuple>
#include <utility>

#include "millrace/loader/state.h"

namespace millrace {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Loader::Pipeline::Pipeline(LoaderOptions options, BatchAllocator allocator)
    : options_(std::move(options)),
      allocator_(std::move(allocator)),
      process_(getpid()),
      threads_(options_.threads > 0 ? options_.threads : usable_cores()) {
  if (!allocator_) {
    allocator_ = [this](const OutputSpec& spec, std::size_t samples) {
      return blocks_.take(spec.slot_bytes() * samples);
    };
  }
  BatchLayout layout;
  for (const auto& [name, column] : options_.columns) {
    layout.emplace_back(name, column.transform->output());
  }
  layout_ = std::make_shared<const BatchLayout>(std::move(layout));

  auto opened = Dataset::open(
      options_.sources, [this](std::size_t count, const std::function<void(std::size_t)>& task) {
        parallel_for(count, task);
      });
  if (!opened) throw LoaderError(std::move(opened.error()));
  dataset_ = std::move(*opened);

  for (std::size_t i = 0; i < threads_.size(); ++i) {
    idle_workers_.push_back(
        std::make_unique<SampleWorker>(*dataset_, options_.columns, options_.on_bad_sample));
  }
  statistics_.threads = threads_.size();
  begin(options_.epoch, 0);
  open_ledger();
  if (batches() == 0) {
    throw std::invalid_argument(
        "batch_size = " + std::to_string(options_.batch_size) +
        ": with drop_last no batch is left, for " + std::to_string(dataset_->counts().total()) +
        " samples over world_size = " + std::to_string(options_.world_size) +
        "; use a smaller batch_size or drop_last = false");
  }
}

Loader::Pipeline::~Pipeline() { drop_window(); }

void Loader::Pipeline::parallel_for(std::size_t count,
                                    const std::function<void(std::size_t)>& task) {
  const std::size_t runners = std::min(count, threads_.size());
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::latch ended(static_cast<std::ptrdiff_t>(runners));
  for (std::size_t i = 0; i < runners; ++i) {
    threads_.post([&] {
      try {
        for (std::size_t at = next++; at < count; at = next++) task(at);
      } catch (...) {
        next = count;
        const std::lock_guard lock(mutex_);
        failure = std::current_exception();
      }
      ended.count_down();
    });
  }
  ended.wait();
  if (failure) std::rethrow_exception(failure);
}

void Loader::Pipeline::begin(std::uint64_t epoch, std::uint64_t position) {
  drop_window();
  epoch_ = epoch;
  begin_position_ = position;
  const std::uint64_t samples = dataset_->counts().total();
  const EpochOrder order(samples,
                         {options_.shuffle, options_.shuffle_window, options_.seed, epoch});
  const RankSlice slice(samples, position, options_.rank, options_.world_size, options_.batch_size,
                        options_.drop_last);
  plan_ = std::make_shared<const EpochPlan>(EpochPlan{order, slice});
  scheduled_ = 0;
  taken_ = 0;
  failed_ = false;
  samples_seen_ = 0;
  bad_seen_ = 0;
  bad_in_a_row_ = 0;
}

void Loader::Pipeline::open_ledger() {
  const std::lock_guard lock(mutex_);
  ledger_ = Ledger{};
  ledger_.epoch = epoch_;
  ledger_.from_position = begin_position_;
  ledger_.expected = plan_->slice.expected();
  ledger_closed_ = false;
}

void Loader::Pipeline::drop_window() {
  for (const auto& batch : window_) batch->wanted_slots = 0;
  window_.clear();
  read_ahead_bytes_ = 0;
}

std::uint64_t Loader::Pipeline::batches() const {
  return RankSlice(dataset_->counts().total(), 0, options_.rank, options_.world_size,
                   options_.batch_size, options_.drop_last)
      .batches();
}

void Loader::Pipeline::start_epoch() {
  require_own_process();
  begin(epoch_, std::exchange(resumed_, false) ? begin_position_ : 0);
  open_ledger();
}

void Loader::Pipeline::set_epoch(std::uint64_t epoch) {
  require_own_process();
  if (resumed_ && epoch == epoch_) return;  // the usual loop sets the epoch after loading a state
  resumed_ = false;
  begin(epoch, 0);
  open_ledger();
}

void Loader::Pipeline::fill_window() {
  while (window_.size() < options_.prefetch_batches && scheduled_ < plan_->slice.batches()) {
    schedule(scheduled_++);
  }
}

void Loader::Pipeline::schedule(std::uint64_t number) {
  const RankSlice& slice = plan_->slice;
  auto batch = std::make_shared<InFlight>();
  batch->plan = plan_;
  batch->number = number;
  const std::size_t samples = slice.batch_samples(number);
  batch->batch.size = samples;
  batch->batch.position = slice.position_after(number + 1);
  batch->outcomes.resize(samples);
  batch->unwritten_slots = samples;
  batch->wanted_slots = samples;
  batch->batch.layout = layout_;
  for (const auto& [name, spec] : *layout_) {
    BatchColumn column{name, &spec, {}, {}};
    if (spec.dtype == Dtype::bytes) {
      column.strings.resize(samples);
    } else {
      column.memory = allocator_(spec, options_.batch_size);
    }
    batch->batch.columns.push_back(std::move(column));
  }
  for (std::size_t slot = 0; slot < samples && read_ahead_bytes_ < options_.read_ahead_bytes;
       ++slot) {
    const std::uint64_t number_of_sample = plan_->order.at(slice.position(number, slot));
    const std::uint64_t bytes = dataset_->will_need(dataset_->counts().locate(number_of_sample));
    batch->read_ahead_bytes += bytes;
    read_ahead_bytes_ += bytes;
  }
  window_.push_back(batch);
  const std::size_t runners = std::min(threads_.size(), samples);
  for (std::size_t i = 0; i < runners; ++i) {
    threads_.post([this, batch] { run(*batch); });
  }
}

void Loader::Pipeline::run(InFlight& batch) {
  std::unique_ptr<SampleWorker> worker;
  {
    const std::lock_guard lock(mutex_);
    worker = std::move(idle_workers_.back());  // as many as threads: there is always one
    idle_workers_.pop_back();
  }
  // Handed over whole, so that the exception is let go of by the consumer alone.
  std::exception_ptr failure;
  try {
    fill_slots(batch, *worker);
  } catch (...) {
    failure = std::current_exception();
    batch.wanted_slots = 0;
  }
  const std::lock_guard lock(mutex_);
  idle_workers_.push_back(std::move(worker));
  if (failure) {
    batch.failure = std::move(failure);
    batch.ready = true;
    batch_ready_.notify_all();
  }
}

void Loader::Pipeline::fill_slots(InFlight& batch, SampleWorker& worker) {
  const std::size_t slots = batch.outcomes.size();
  std::optional<Error> error;
  for (std::size_t slot = batch.next_slot++; slot < slots; slot = batch.next_slot++) {
    const Clock::time_point begin = Clock::now();
    Outcome outcome = Outcome::raised;
    if (slot < batch.wanted_slots) {
      const std::uint64_t position = batch.plan->slice.position(batch.number, slot);
      outcome =
          worker.fill({batch.plan->order, position, batch.batch, slot, batch.wanted_slots}, error);
    }
    batch.outcomes[slot] = outcome;

    const std::lock_guard lock(mutex_);
    statistics_.stages += worker.take_times();
    statistics_.busy_seconds += seconds_since(begin);
    if (error) {
      batch.errors.emplace_back(slot, std::move(*error));
      error.reset();
    }
    // Every slot before this one has been taken up, so the first one to be raised is still found.
    if (outcome == Outcome::raised) {
      batch.wanted_slots = std::min<std::size_t>(batch.wanted_slots, slot + 1);
    }
    if (--batch.unwritten_slots == 0) {
      batch.ready = true;
      batch_ready_.notify_all();
    }
  }
}

Loader::Taken Loader::Pipeline::take(Deadline deadline) {
  require_own_process();
  if (failed_) {
    throw std::logic_error(
        "the epoch ended in an error; start_epoch, set_epoch or load_state first");
  }
  failed_ = true;  // whatever throws from here on ends the epoch
  Taken taken = take_next(deadline);
  failed_ = false;
  return taken;
}

Loader::Taken Loader::Pipeline::take_next(Deadline deadline) {
  const Clock::time_point called = Clock::now();
  if (!first_call_) {
    const std::lock_guard lock(mutex_);
    first_call_ = called;
  }
  resumed_ = false;
  if (ledger_closed_) open_ledger();
  while (true) {
    fill_window();
    if (window_.empty()) {
      end_epoch();
      return {std::nullopt, true};
    }
    const std::shared_ptr<InFlight> front = window_.front();
    {
      std::unique_lock lock(mutex_);
      const auto ready = [&] { return front->ready; };
      if (!deadline) {
        batch_ready_.wait(lock, ready);
      } else if (!batch_ready_.wait_until(lock, *deadline, ready)) {
        statistics_.waiting_seconds += seconds_since(called);
        return {};
      }
      statistics_.waiting_seconds += seconds_since(called);
    }
    window_.pop_front();
    read_ahead_bytes_ -= front->read_ahead_bytes;
    fill_window();  // may throw, so before anything is booked
    const bool any_left = settle(*front);
    ++taken_;
    if (any_left) return {std::move(front->batch), false};
  }
}

bool Loader::Pipeline::settle(InFlight& done) {
  const std::lock_guard lock(mutex_);
  if (done.failure) std::rethrow_exception(std::exchange(done.failure, nullptr));
  book_slots(done);
  if (!done.errors.empty()) compact(done);
  if (done.batch.size == 0 && options_.world_size > 1) {
    Error error = done.errors.front().second;
    error.message =
        "every sample of a batch is bad, and without it this rank would fall out of step "
        "with the others; the first: " +
        error.message;
    throw LoaderError(std::move(error));
  }
  statistics_.samples += done.batch.size;
  statistics_.batches += done.batch.size > 0 ? 1 : 0;
  statistics_.wall_seconds = seconds_since(*first_call_);
  return done.batch.size > 0;
}

void Loader::Pipeline::book_slots(InFlight& done) {
  std::sort(done.errors.begin(), done.errors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto [delivered, substituted, padded] =
      std::tuple(ledger_.delivered, ledger_.substituted, ledger_.padded);
  const auto skipped = ledger_.skipped;
  try {
    auto error = done.errors.begin();
    for (std::size_t slot = 0; slot < done.outcomes.size(); ++slot) {
      const bool bad = error != done.errors.end() && error->first == slot;
      book(done, slot, bad ? &(error++)->second : nullptr);
    }
  } catch (const LoaderError&) {
    // The batch will not be handed over: of all this only what was found bad has happened.
    ledger_.delivered = delivered;
    ledger_.substituted = substituted;
    ledger_.padded = padded;
    ledger_.skipped = skipped;
    throw;
  }
}

void Loader::Pipeline::book(const InFlight& done, std::size_t slot, const Error* error) {
  ++samples_seen_;
  if (done.plan->slice.is_padded(done.number, slot)) ++ledger_.padded;
  if (error == nullptr) {
    ++ledger_.delivered;
    bad_in_a_row_ = 0;
    return;
  }
  ++bad_seen_;
  ++bad_in_a_row_;
  const std::string reason(reason_name(error->reason));
  ++ledger_.bad_samples[reason];
  if (ledger_.errors.size() < Ledger::kMostErrors) ledger_.errors.push_back(*error);
  if (done.outcomes[slot] == Outcome::raised) throw LoaderError(*error);
  if (done.outcomes[slot] == Outcome::substituted) ++ledger_.substituted;
  if (done.outcomes[slot] == Outcome::skipped) ++ledger_.skipped[reason];
  check_budget(*error);
}

void Loader::Pipeline::check_budget(const Error& latest) const {
  const ErrorBudget& budget = options_.error_budget;
  std::string broken;
  if (bad_in_a_row_ > budget.consecutive) {
    broken = std::to_string(bad_in_a_row_) + " bad samples in a row (error_budget.consecutive = " +
             std::to_string(budget.consecutive) + ")";
  } else if (samples_seen_ >= ErrorBudget::kShareCheckedFrom &&
             static_cast<double>(bad_seen_) > budget.share * static_cast<double>(samples_seen_)) {
    broken = std::to_string(bad_seen_) + " of " + std::to_string(samples_seen_) +
             " samples are bad (error_budget.share = " + std::to_string(budget.share) + ")";
  }
  if (broken.empty()) return;
  Error error = latest;
  error.message = broken + "; the latest: " + error.message;
  throw LoaderError(std::move(error));
}

void Loader::Pipeline::compact(InFlight& done) {
  std::size_t kept = 0;
  for (std::size_t slot = 0; slot < done.outcomes.size(); ++slot) {
    if (done.outcomes[slot] == Outcome::skipped) continue;
    if (kept != slot) {
      for (BatchColumn& column : done.batch.columns) {
        if (column.spec->dtype == Dtype::bytes) {
          column.strings[kept] = std::move(column.strings[slot]);
          continue;
        }
        const std::size_t bytes = column.spec->slot_bytes();
        std::byte* rows = column.memory.bytes.data();
        std::memcpy(rows + kept * bytes, rows + slot * bytes, bytes);
      }
    }
    ++kept;
  }
  done.batch.size = kept;
  for (BatchColumn& column : done.batch.columns) {
    if (column.spec->dtype == Dtype::bytes) column.strings.resize(kept);
  }
}

void Loader::Pipeline::end_epoch() {
  {
    const std::lock_guard lock(mutex_);
    if (plan_->slice.dropped() > 0) ledger_.skipped["drop_last"] += plan_->slice.dropped();
  }
  begin(epoch_ + 1, 0);
  ledger_closed_ = true;  // it stays to be read until the next epoch is asked for
}

Ledger Loader::Pipeline::ledger() const {
  require_own_process();
  const std::lock_guard lock(mutex_);
  return ledger_;
}

Statistics Loader::Pipeline::stats() const {
  require_own_process();
  const std::lock_guard lock(mutex_);
  return statistics_;
}

std::string Loader::Pipeline::state() const {
  return state_to_json({options_.seed, epoch_, plan_->slice.position_after(taken_),
                        make_fingerprint(options_, *dataset_)});
}

void Loader::Pipeline::load_state(const std::string& state) {
  require_own_process();
  const LoaderState loaded = state_from_json(state, make_fingerprint(options_, *dataset_));
  if (loaded.position > dataset_->counts().total()) {
    throw std::invalid_argument("state: position = " + std::to_string(loaded.position) +
                                ": the dataset has " + std::to_string(dataset_->counts().total()) +
                                " samples");
  }
  begin(loaded.epoch, loaded.position);
  open_ledger();
  resumed_ = true;
}

bool Loader::Pipeline::in_own_process() const { return getpid() == process_; }

void Loader::Pipeline::require_own_process() const {
  if (in_own_process()) return;
  throw std::logic_error(
      "this loader was made in another process: its threads do not exist after a fork; make the "
      "loader in the process that uses it");
}

}  // namespace millrace
