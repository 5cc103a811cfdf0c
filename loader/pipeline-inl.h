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

#include "millrace/loader/block_pool.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/epoch_order.h"
#include "millrace/loader/rank_slice.h"
#include "millrace/loader/sample_worker.h"
#include "millrace/loader/worker_threads-inl.h"

namespace millrace {

/// What the loader does: the window of batches in flight over a pool of threads.
///
/// A batch is laid out whole, then a few runners are posted to the pool; each takes the batch's
/// slots one by one and fills them in place. The batch is ready when no slot is left unwritten.
/// Batches are handed over in order, and each one handed over makes room for the next: that is the
/// only back-pressure.
class Loader::Pipeline {
 public:
  Pipeline(LoaderOptions options, BatchAllocator allocator);
  ~Pipeline();

  /// Waits until `deadline`, or for ever where there is none.
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  Taken take(Deadline deadline);
  void start_epoch();
  void set_epoch(std::uint64_t epoch);
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t batches() const;
  std::string state() const;
  void load_state(const std::string& state);
  Ledger ledger() const;
  Statistics stats() const;

  /// False after a fork, in the child: there the threads do not exist, and the mutex may be held by
  /// one of them for ever.
  bool in_own_process() const;

  const LoaderOptions& options() const { return options_; }
  const Dataset& dataset() const { return *dataset_; }
  const OutputSpec& spec(std::size_t index) const { return layout_->at(index).second; }

 private:
  struct EpochPlan {
    EpochOrder order;
    RankSlice slice;
  };

  /// A batch on its way, shared by the window and the runners that fill it.
  struct InFlight {
    std::shared_ptr<const EpochPlan> plan;
    std::uint64_t number = 0;  ///< within the rank's slice
    Batch batch;
    std::vector<Outcome> outcomes;  ///< a slot each
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

  void begin(std::uint64_t epoch, std::uint64_t position);
  void open_ledger();
  void drop_window();
  void fill_window();
  void schedule(std::uint64_t number);
  void run(InFlight& batch);
  void fill_slots(InFlight& batch, SampleWorker& worker);
  Taken take_next(Deadline deadline);
  /// Books a finished batch; throws where a bad sample may not pass. False: no sample is left in
  /// it.
  bool settle(InFlight& done);
  void book_slots(InFlight& done);
  void book(const InFlight& done, std::size_t slot, const Error* error);
  void check_budget(const Error& latest) const;
  static void compact(InFlight& done);
  void end_epoch();
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& task);
  void require_own_process() const;

  LoaderOptions options_;
  std::shared_ptr<const BatchLayout> layout_;
  BlockPool blocks_;
  BatchAllocator allocator_;
  int process_;
  std::shared_ptr<const Dataset> dataset_;

  // The consumer's side: touched only by the thread that calls in.
  std::uint64_t epoch_ = 0;
  std::shared_ptr<const EpochPlan> plan_;
  std::uint64_t scheduled_ = 0;  // batches of the slice
  std::uint64_t taken_ = 0;
  std::uint64_t begin_position_ = 0;
  bool resumed_ = false;  // start_epoch keeps the position of a state just loaded
  bool failed_ = false;
  bool ledger_closed_ = false;
  std::uint64_t samples_seen_ = 0;
  std::uint64_t bad_seen_ = 0;
  std::uint64_t bad_in_a_row_ = 0;
  std::uint64_t read_ahead_bytes_ = 0;
  std::deque<std::shared_ptr<InFlight>> window_;

  mutable std::mutex mutex_;
  std::condition_variable batch_ready_;
  std::vector<std::unique_ptr<SampleWorker>> idle_workers_;
  Ledger ledger_;
  Statistics statistics_;
  std::optional<std::chrono::steady_clock::time_point> first_call_;

  WorkerThreads threads_;  // the last member: its threads end before what they use
};

}  // namespace millrace
