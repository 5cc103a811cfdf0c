#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/batch_samples.h"
#include "millrace/loader/ledger.h"
#include "millrace/loader/ledger_file.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sample_source.h"
#include "millrace/loader/sample_worker.h"
#include "millrace/loader/state.h"

namespace millrace {

/// Keeps the ledger and the error budget, in the order of delivery: so they are the same on every
/// run, whatever the threads did. `ledger()` may be called from any thread, the rest from the one
/// that takes batches.
class Accountant {
 public:
  Accountant(const LoaderOptions& options, std::vector<AccountedSource> sources);

  void open_epoch(const EpochSamples& samples, std::uint64_t epoch, const Fingerprint& fingerprint);
  /// Books a finished batch; `errors` are its bad slots with what was wrong, in ascending order.
  /// Throws LoaderError where the options do not let the batch pass; then of its samples only the
  /// bad ones up to there are booked, as what was found, and none as delivered.
  void book(const BatchSamples& batch, std::span<const SlotRecord> records,
            std::span<const std::pair<std::size_t, Error>> errors);
  void close_epoch(const EpochSamples& samples);
  bool is_closed() const { return closed_; }

  Ledger ledger(bool with_shards) const;

 private:
  struct Delivered {  // of a shard
    std::uint32_t delivered = 0;
    std::uint32_t substituted = 0;
  };
  struct Source {
    AccountedSource about;
    LedgerAccount account;
    std::vector<Delivered> shards;
    std::map<std::uint64_t, CountByReason> skipped;  // by shard
  };

  /// Writes the epoch's line before its first other one: an epoch that is only begun has none.
  void announce();
  void find_bad(const BatchSamples& batch, std::span<const SlotRecord> records,
                std::span<const std::pair<std::size_t, Error>> errors);
  void note(const BatchSamples& batch, std::size_t slot, const SlotRecord& record,
            const Error& error);
  void check_budget(const Error& latest) const;
  void count(const SlotRecord& record, bool is_padded, const Error* error);
  void count_skipped(const SampleRef& sample, std::string_view reason, std::uint32_t own);

  const LoaderOptions& options_;
  LedgerFile file_;
  Fingerprint fingerprint_;
  bool announced_ = false;
  bool closed_ = true;
  bool expected_is_known_ = true;
  std::uint64_t samples_seen_ = 0;
  std::uint64_t bad_seen_ = 0;
  std::uint64_t bad_in_a_row_ = 0;

  mutable std::mutex mutex_;
  Ledger ledger_;
  std::vector<Source> sources_;
};

}  // namespace millrace
