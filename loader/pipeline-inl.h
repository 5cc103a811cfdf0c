#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "millrace/loader/accountant.h"
#include "millrace/loader/block_pool.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/sample_source.h"
#include "millrace/loader/sample_worker.h"
#include "millrace/loader/worker_threads-inl.h"

namespace millrace {

/// What the loader does: the window of batches in flight over a pool of threads.
///
/// A batch is laid out whole, then a few runners are posted to the pool; each takes the batch's
/// slots, a few at a time, and fills them in place. The batch is ready when no slot is left
/// unwritten. Batches are handed over in order, and each one handed over makes room for the next:
/// that is the only back-pressure.
class Loader::Pipeline {
 public:
  Pipeline(LoaderOptions options, BatchAllocator allocator);
  ~Pipeline();

  /// Waits until `deadline`, or for ever where there is none.
  using Deadline = EpochSamples::Deadline;
  Taken take(const Deadline& deadline);
  void start_epoch();
  void set_epoch(std::uint64_t epoch);
  std::uint64_t epoch() const { return epoch_; }
  const SampleSource& source() const { return *source_; }
  std::string state() const;
  void load_state(const std::string& state, const ResumeOptions& options);
  Ledger ledger(bool with_shards) const;
  Statistics stats() const;

  /// False after a fork, in the child: there the threads do not exist, and the mutex may be held by
  /// one of them for ever.
  bool in_own_process() const;

  const LoaderOptions& options() const { return options_; }
  const OutputSpec& spec(std::size_t index) const { return layouts_.front()->at(index).second; }

 private:
  /// A batch on its way, shared by the window and the runners that fill it.
  struct InFlight {
    std::unique_ptr<const BatchSamples> samples;
    Batch batch;
    std::vector<SlotRecord> records;  ///< a slot each
    std::uint64_t epoch_seed = 0;
    std::uint64_t read_ahead_bytes = 0;
    std::atomic<std::size_t> next_slot{0};
    /// Only the slots below this are still of use: 0 once the batch is dropped, and behind a sample
    /// that will be raised nothing is.
    std::atomic<std::size_t> wanted_slots{0};

    // Guarded by the pipeline's mutex.
    std::size_t unwritten_slots = 0;
    bool ready = false;
    std::exception_ptr failure;
    std::vector<std::pair<std::size_t, Error>> errors;  ///< (slot, what was wrong)
  };

  void begin(std::uint64_t epoch, const ResumePoint& point);
  void open_ledger();
  void drop_window();
  /// `has_front`: a batch is already in hand that comes before all in the window.
  void fill_window(const Deadline& deadline, bool has_front);
  /// For a batch of one column.
  BatchMemory memory_of(const OutputSpec& spec, std::size_t column);
  void schedule(std::unique_ptr<const BatchSamples> samples);
  void run(InFlight& batch);
  /// Takes up the next slots of the batch, one or a few; 0: there are none left.
  std::size_t take_slots(InFlight& batch, std::size_t& first) const;
  void fill_slots(InFlight& batch, SampleWorker& worker);
  Taken take_next(const Deadline& deadline);
  /// Waits for the batch; false: the deadline came first.
  bool wait_for(const InFlight& batch, const Deadline& deadline,
                std::chrono::steady_clock::time_point called);
  /// Books a finished batch; throws where a bad sample may not pass. False: no sample is left in
  /// it.
  bool settle(InFlight& done);
  static void compact(InFlight& done);
  void end_epoch();
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& task);
  ReadingThreads reading_threads();
  void require_own_process() const;

  LoaderOptions options_;
  std::vector<std::shared_ptr<const BatchLayout>> layouts_;  // by column set
  std::vector<std::size_t> largest_slots_;  // by column, in bytes: of all column sets
  BlockPool blocks_;
  BatchAllocator allocator_;
  int process_;
  std::unique_ptr<SampleSource> source_;
  std::optional<Accountant> accountant_;

  // The consumer's side: touched only by the thread that calls in.
  std::uint64_t epoch_ = 0;
  std::unique_ptr<EpochSamples> samples_;
  bool all_scheduled_ = false;
  ResumePoint point_;     // after the last batch that was handed over
  bool resumed_ = false;  // start_epoch keeps the position of a state just loaded
  bool failed_ = false;
  std::uint64_t read_ahead_bytes_ = 0;
  std::deque<std::shared_ptr<InFlight>> window_;
  Fingerprint fingerprint_;

  mutable std::mutex mutex_;
  std::condition_variable batch_ready_;
  std::vector<std::unique_ptr<SampleWorker>> idle_workers_;
  Statistics statistics_;
  std::optional<std::chrono::steady_clock::time_point> first_call_;

  WorkerThreads threads_;  // the last member: its threads end before what they use
};

}  // namespace millrace
