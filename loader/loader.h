#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "millrace/loader/batch.h"
#include "millrace/loader/ledger.h"
#include "millrace/loader/options.h"
#include "millrace/loader/state.h"
#include "millrace/loader/statistics.h"
#include "millrace/result/result.h"

namespace millrace {

/// Data that cannot be used and that the options do not let pass: a missing shard, an exhausted
/// error budget, a bad sample under OnBadSample::raise. `error()` says where.
class LoaderError : public std::runtime_error {
 public:
  explicit LoaderError(Error error)
      : std::runtime_error(error.to_string()), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

/// Streams batches of a dataset, epoch after epoch. One consumer: calls must not overlap, but may
/// come from different threads; `stats()` and `ledger()` may be called at any time from any thread.
/// The loader's own threads end with it, however far it has come.
class Loader {
 public:
  /// Opens the dataset. Batch memory comes from `allocator`, or from a pool of the loader's own.
  /// Throws std::invalid_argument (options) or LoaderError (data).
  explicit Loader(LoaderOptions options, BatchAllocator allocator = {});
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch of the epoch, waiting for it if need be. Nothing at the end of the epoch; the
  /// call after that begins the next one. Throws LoaderError, or whatever failed inside a worker;
  /// then the epoch cannot go on, only start_epoch, set_epoch or load_state.
  std::optional<Batch> next();
  /// The same, but gives up waiting after that long: `batch` empty and `end` false.
  struct Taken {
    std::optional<Batch> batch;
    bool end = false;
  };
  Taken next_within(double seconds);

  /// Begins the current epoch from its first batch; after load_state, from the state's position
  /// (once).
  void start_epoch();
  /// Makes `epoch` the current one and begins it.
  void set_epoch(std::uint64_t epoch);
  std::uint64_t epoch() const;

  /// Batches of the whole current epoch on this rank. Throws std::logic_error of streams, whose
  /// length is not known before their end; so does samples().
  std::uint64_t batches() const;
  /// Selected samples of all sources, damaged places included.
  std::uint64_t samples() const;
  bool length_is_known() const;

  /// Everything a later loader needs to go on after the last delivered batch, as JSON:
  /// {"version", "seed", "epoch", "position", "fingerprint": {...}}, and of a mixture "mixture".
  std::string state() const;
  /// Goes on from there: the next batch begins at the state's position, whatever world size, batch
  /// size and threads are now. Throws std::invalid_argument naming each difference if the state is
  /// of another dataset or of other options; `options` may let some pass.
  void load_state(const std::string& state, const ResumeOptions& options = {});

  /// `with_shards` fills Ledger::shards, which for very many shards takes its time.
  Ledger ledger(bool with_shards = false) const;
  Statistics stats() const;
  const LoaderOptions& options() const;
  /// What column `index` of a batch holds; with buckets, of the first one.
  const OutputSpec& spec(std::size_t index) const;

 private:
  class Pipeline;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace millrace
