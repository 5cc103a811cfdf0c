#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/batch_samples.h"
#include "millrace/loader/options.h"
#include "millrace/loader/reading_threads.h"
#include "millrace/loader/state.h"

namespace millrace {

/// A source of the options as the ledger knows it.
struct AccountedSource {
  std::string name;
  std::size_t shards = 0;
  std::function<std::string(std::size_t shard)> path;  ///< for any thread
};

/// What a loader draws its epochs from: planned over an index, or streamed without one. Used by one
/// thread.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  virtual const std::vector<AccountedSource>& accounts() const = 0;
  /// Of the epoch begun last.
  virtual Fingerprint fingerprint() const = 0;
  /// Batches of the whole epoch begun last on this rank, where that is known beforehand.
  virtual std::optional<std::uint64_t> batches() const = 0;
  /// Selected samples of all sources, where that is known beforehand.
  virtual std::optional<std::uint64_t> samples() const = 0;

  /// Throws std::invalid_argument if the epoch has no such point.
  virtual std::unique_ptr<EpochSamples> begin(std::uint64_t epoch, const ResumePoint& point) = 0;
  /// What a state holds besides seed, epoch and point; of the epoch begun last.
  virtual void save(LoaderState& state) const = 0;
  /// Takes that over for the epochs begun from now on. Throws std::invalid_argument, and then has
  /// changed nothing.
  virtual void load(const LoaderState& state) = 0;

 protected:
  SampleSource() = default;
};

/// Opens `options.all_sources()`. May set options.shuffle_window from shuffle_window_bytes.
/// `options` must outlive it. Throws LoaderError (data).
std::unique_ptr<SampleSource> planned_source(LoaderOptions& options, ReadingThreads threads);
/// Streams `options.sources`; opens nothing before the first batch is asked for. `options` must
/// outlive it. Throws LoaderError.
std::unique_ptr<SampleSource> streamed_source(const LoaderOptions& options);

}  // namespace millrace
