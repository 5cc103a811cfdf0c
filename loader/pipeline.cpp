#include "millrace/loader/pipeline-inl.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <latch>
#include <utility>

#include "millrace/loader/permutation.h"
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
  const auto column_sets = std::make_shared<const std::vector<Columns>>(options_.column_sets());
  for (const Columns& columns : *column_sets) {
    BatchLayout layout;
    for (const auto& [name, column] : columns) {
      layout.emplace_back(name, column.transform->output());
    }
    largest_slots_.resize(layout.size());
    for (std::size_t i = 0; i < layout.size(); ++i) {
      largest_slots_[i] = std::max(largest_slots_[i], layout[i].second.slot_bytes());
    }
    layouts_.push_back(std::make_shared<const BatchLayout>(std::move(layout)));
  }

  source_ = options_.reads_streams() ? streamed_source(options_)
                                     : planned_source(options_, reading_threads());
  accountant_.emplace(options_, source_->accounts());
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    idle_workers_.push_back(std::make_unique<SampleWorker>(column_sets, options_.on_bad_sample));
  }
  statistics_.threads = threads_.size();
  begin(options_.epoch, {});
  if (source_->batches() == 0) {
    throw std::invalid_argument("batch_size = " + std::to_string(options_.batch_size) +
                                ": with drop_last no batch is left of this rank's " +
                                std::to_string(samples_->expected().value_or(0)) +
                                " samples, world_size = " + std::to_string(options_.world_size) +
                                "; use a smaller batch_size or drop_last = false");
  }
  open_ledger();
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

ReadingThreads Loader::Pipeline::reading_threads() {
  ReadingThreads threads;
  threads.count = threads_.size();
  threads.parallel_for = [this](std::size_t count, const auto& task) { parallel_for(count, task); };
  threads.post = [this](std::function<void()> task) {
    threads_.post([this, task = std::move(task)] {
      StageTimes times;
      {
        const StageTimer timer(times, Stage::read, 0);
        task();
      }
      StageTimes::Counter& read = times[Stage::read];
      read.items = 0;  // no sample was read
      const std::lock_guard lock(mutex_);
      statistics_.stages += times;
      statistics_.busy_seconds += static_cast<double>(read.nanoseconds) * 1e-9;
    });
  };
  return threads;
}

void Loader::Pipeline::begin(std::uint64_t epoch, const ResumePoint& point) {
  samples_ = source_->begin(epoch, point);  // where it throws, the epoch at hand goes on
  drop_window();
  fingerprint_ = source_->fingerprint();
  epoch_ = epoch;
  point_ = point;
  all_scheduled_ = false;
  failed_ = false;
}

void Loader::Pipeline::open_ledger() { accountant_->open_epoch(*samples_, epoch_, fingerprint_); }

void Loader::Pipeline::drop_window() {
  for (const auto& batch : window_) batch->wanted_slots = 0;
  window_.clear();
  read_ahead_bytes_ = 0;
}

void Loader::Pipeline::start_epoch() {
  require_own_process();
  begin(epoch_, resumed_ ? point_ : ResumePoint{});
  open_ledger();  // where it throws, a resumed position is still to be begun at
  resumed_ = false;
}

void Loader::Pipeline::set_epoch(std::uint64_t epoch) {
  require_own_process();
  if (resumed_ && epoch == epoch_) return;  // the usual loop sets the epoch after loading a state
  begin(epoch, {});
  resumed_ = false;
  open_ledger();
}

void Loader::Pipeline::fill_window(const Deadline& deadline, bool has_front) {
  while (!all_scheduled_ && window_.size() < options_.prefetch_batches) {
    std::unique_ptr<const BatchSamples> next;
    // Only where there is nothing else to wait for.
    const bool is_first = window_.empty() && !has_front;
    const Deadline patience = is_first ? deadline : Clock::time_point::min();
    EpochSamples::Next outcome = EpochSamples::Next::not_yet;
    try {
      outcome = samples_->next(next, patience);
    } catch (const LoaderError&) {
      if (is_first) throw;  // else it comes again once what lies before it has been handed over
    }
    switch (outcome) {
      case EpochSamples::Next::batch:
        schedule(std::move(next));
        break;
      case EpochSamples::Next::not_yet:
        return;
      case EpochSamples::Next::end:
        all_scheduled_ = true;
        break;
    }
  }
}

BatchMemory Loader::Pipeline::memory_of(const OutputSpec& spec, std::size_t column) {
  if (allocator_) return allocator_(spec, options_.batch_size);
  // Blocks of one size serve the batches of all column sets.
  BatchMemory memory = blocks_.take(largest_slots_[column] * options_.batch_size);
  memory.bytes = memory.bytes.first(spec.slot_bytes() * options_.batch_size);
  return memory;
}

void Loader::Pipeline::schedule(std::unique_ptr<const BatchSamples> batch_samples) {
  auto batch = std::make_shared<InFlight>();
  batch->samples = std::move(batch_samples);
  const std::size_t samples = batch->samples->size();
  batch->batch.size = samples;
  batch->batch.position = batch->samples->after().position;
  batch->records.resize(samples);
  batch->epoch_seed = mix(options_.seed, epoch_);
  batch->unwritten_slots = samples;
  batch->wanted_slots = samples;
  batch->batch.layout = layouts_[batch->samples->column_set()];
  const BatchLayout& layout = *batch->batch.layout;
  for (std::size_t i = 0; i < layout.size(); ++i) {
    const OutputSpec& spec = layout[i].second;
    BatchColumn column{layout[i].first, &spec, {}, {}};
    if (spec.dtype == Dtype::bytes) {
      column.strings.resize(samples);
    } else {
      column.memory = memory_of(spec, i);
    }
    batch->batch.columns.push_back(std::move(column));
  }
  for (std::size_t slot = 0; slot < samples && read_ahead_bytes_ < options_.read_ahead_bytes;
       ++slot) {
    const std::uint64_t bytes = batch->samples->will_need(batch->samples->at(slot));
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
  // Once the batch is ready it is the consumer's.
  if (failure && !batch.ready) {
    batch.failure = std::move(failure);
    batch.ready = true;
    batch_ready_.notify_all();
  }
}

std::size_t Loader::Pipeline::take_slots(InFlight& batch, std::size_t& first) const {
  const std::size_t slots = batch.records.size();
  first = batch.next_slot;
  while (first < slots) {
    // What is left at the end is spread over all threads.
    const std::size_t count = slots - first > threads_.size() ? SampleWorker::kMostTogether : 1;
    const std::size_t taken = std::min(count, slots - first);
    if (batch.next_slot.compare_exchange_weak(first, first + taken)) return taken;
  }
  return 0;
}

void Loader::Pipeline::fill_slots(InFlight& batch, SampleWorker& worker) {
  std::array<std::optional<Error>, SampleWorker::kMostTogether> errors;
  std::size_t first = 0;
  while (const std::size_t slots = take_slots(batch, first)) {
    const Clock::time_point begin = Clock::now();
    const auto records = std::span(batch.records).subspan(first, slots);
    if (first < batch.wanted_slots) {
      worker.fill({*batch.samples, batch.batch, first, slots, batch.wanted_slots, batch.epoch_seed},
                  records, std::span(errors).first(slots));
    }

    const std::lock_guard lock(mutex_);
    statistics_.stages += worker.take_times();
    statistics_.busy_seconds += seconds_since(begin);
    for (std::size_t i = 0; i < slots; ++i) {
      if (errors[i]) {
        batch.errors.emplace_back(first + i, std::move(*errors[i]));
        errors[i].reset();
      }
      // Every slot before this one has been taken up, so the first one to be raised is still found.
      if (records[i].outcome == Outcome::raised) {
        batch.wanted_slots = std::min<std::size_t>(batch.wanted_slots, first + i + 1);
      }
    }
    batch.unwritten_slots -= slots;
    if (batch.unwritten_slots == 0) {
      batch.ready = true;
      batch_ready_.notify_all();
    }
  }
}

Loader::Taken Loader::Pipeline::take(const Deadline& deadline) {
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

Loader::Taken Loader::Pipeline::take_next(const Deadline& deadline) {
  const Clock::time_point called = Clock::now();
  if (!first_call_) {
    const std::lock_guard lock(mutex_);
    first_call_ = called;
  }
  resumed_ = false;
  if (accountant_->is_closed()) open_ledger();
  while (true) {
    fill_window(deadline, false);
    if (window_.empty()) {
      if (!all_scheduled_) return {};
      end_epoch();
      return {std::nullopt, true};
    }
    const std::shared_ptr<InFlight> front = window_.front();
    if (!wait_for(*front, deadline, called)) return {};
    window_.pop_front();
    read_ahead_bytes_ -= front->read_ahead_bytes;
    fill_window(Clock::time_point::min(), true);  // may throw, so before anything is booked
    const bool any_left = settle(*front);
    point_ = front->samples->after();
    if (any_left) return {std::move(front->batch), false};
  }
}

bool Loader::Pipeline::wait_for(const InFlight& batch, const Deadline& deadline,
                                Clock::time_point called) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return batch.ready; };
  bool is_ready = true;
  if (!deadline) {
    batch_ready_.wait(lock, ready);
  } else {
    is_ready = batch_ready_.wait_until(lock, *deadline, ready);
  }
  statistics_.waiting_seconds += seconds_since(called);
  return is_ready;
}

bool Loader::Pipeline::settle(InFlight& done) {
  if (done.failure) std::rethrow_exception(std::exchange(done.failure, nullptr));
  std::sort(done.errors.begin(), done.errors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  accountant_->book(*done.samples, done.records, done.errors);
  if (!done.errors.empty()) compact(done);
  const std::lock_guard lock(mutex_);
  statistics_.samples += done.batch.size;
  statistics_.batches += done.batch.size > 0 ? 1 : 0;
  statistics_.wall_seconds = seconds_since(*first_call_);
  return done.batch.size > 0;
}

void Loader::Pipeline::compact(InFlight& done) {
  std::size_t kept = 0;
  for (std::size_t slot = 0; slot < done.records.size(); ++slot) {
    if (done.records[slot].outcome == Outcome::skipped) continue;
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
  accountant_->close_epoch(*samples_);  // the ledger stays to be read until the next epoch begins
  begin(epoch_ + 1, {});
}

Ledger Loader::Pipeline::ledger(bool with_shards) const {
  require_own_process();
  return accountant_->ledger(with_shards);
}

Statistics Loader::Pipeline::stats() const {
  require_own_process();
  const std::lock_guard lock(mutex_);
  return statistics_;
}

std::string Loader::Pipeline::state() const {
  LoaderState state;
  state.seed = options_.seed;
  state.epoch = epoch_;
  state.point = point_;
  state.fingerprint = fingerprint_;
  source_->save(state);
  return state_to_json(state);
}

void Loader::Pipeline::load_state(const std::string& state, const ResumeOptions& options) {
  require_own_process();
  const LoaderState loaded = state_from_json(state, fingerprint_, options);
  source_->load(loaded);
  begin(loaded.epoch, loaded.point);
  resumed_ = true;
  open_ledger();
}

bool Loader::Pipeline::in_own_process() const { return getpid() == process_; }

void Loader::Pipeline::require_own_process() const {
  if (in_own_process()) return;
  throw std::logic_error(
      "this loader was made in another process: its threads do not exist after a fork; make the "
      "loader in the process that uses it");
}

}  // namespace millrace
