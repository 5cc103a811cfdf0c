#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which sample, over all sources.
struct SampleRef {
  std::size_t source = 0;
  SampleId id;

  bool operator==(const SampleRef&) const = default;
};

/// Where a run stands between two batches.
struct ResumePoint {
  /// Global, the first one that is not delivered. In a stream: how many of it are, on all ranks.
  std::uint64_t position = 0;
  /// Of a stream without an index: where the block of samples begins that is being delivered.
  struct InStream {
    std::uint64_t stream = 0;          ///< of the list of streams
    std::uint64_t offset_bytes = 0;    ///< of the block's first sample
    std::uint64_t samples_before = 0;  ///< of the epoch, before the block
    std::uint64_t blocks_before = 0;   ///< of the epoch
  };
  std::optional<InStream> in_stream;
};

/// The samples of one batch of one rank, slot by slot. Immutable, thread-safe: the workers ask it.
class BatchSamples {
 public:
  virtual ~BatchSamples() = default;
  BatchSamples(const BatchSamples&) = delete;
  BatchSamples& operator=(const BatchSamples&) = delete;

  virtual std::size_t size() const = 0;
  /// Which of the loader's sets of columns (LoaderOptions::column_sets) the batch has.
  virtual std::size_t column_set() const { return 0; }
  /// The global position of a slot.
  virtual std::uint64_t position(std::size_t slot) const = 0;
  /// Whether a slot repeats a sample only to make the ranks equal.
  virtual bool is_padded(std::size_t slot) const = 0;
  virtual SampleRef at(std::size_t slot) const = 0;
  /// What stands in for a slot's sample if that is bad, 1 <= attempt <= substitutes(slot).
  virtual SampleRef substitute(std::size_t slot, std::uint64_t attempt) const = 0;
  virtual std::uint64_t substitutes(std::size_t slot) const = 0;

  /// Fills `sample`, which views into `shard` (kept open by the caller for as long as it looks),
  /// and waits until its bytes are in memory.
  virtual Result<void> read(const SampleRef& ref, std::shared_ptr<const Shard>& shard,
                            Sample& sample) const = 0;
  /// Which of its captions a sample stands for; see SelectedSamples::part.
  virtual std::uint64_t part([[maybe_unused]] const SampleRef& ref) const { return 0; }
  /// The sample's bytes will not be looked at any more.
  virtual void done_with(const Shard& shard, const Sample& sample) const = 0;
  /// Asks the system to read that sample soon; returns how many bytes it will touch, 0 if unknown.
  virtual std::uint64_t will_need(const SampleRef& ref) const = 0;
  /// Where a run stands once this batch is delivered.
  virtual ResumePoint after() const = 0;

 protected:
  BatchSamples() = default;
};

/// What one rank delivers of one epoch, from a resume point on, batch after batch. Used by one
/// thread.
class EpochSamples {
 public:
  virtual ~EpochSamples() = default;
  EpochSamples(const EpochSamples&) = delete;
  EpochSamples& operator=(const EpochSamples&) = delete;

  enum class Next : std::uint8_t { batch, not_yet, end };
  /// Waits until `deadline`, or for ever where there is none. Throws LoaderError where the data
  /// cannot go on, and again whenever it is called after that.
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  virtual Next next(std::unique_ptr<const BatchSamples>& batch, const Deadline& deadline) = 0;

  /// Samples that this rank delivers or accounts for, where that is known beforehand.
  virtual std::optional<std::uint64_t> expected() const = 0;
  /// What this rank drops at the end, to have full batches only. In no particular order.
  virtual std::vector<SampleRef> dropped() const = 0;
  virtual ResumePoint begin() const = 0;

 protected:
  EpochSamples() = default;
};

}  // namespace millrace
