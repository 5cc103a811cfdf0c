#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/loader/batch.h"
#include "millrace/loader/batch_samples.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sample_maker.h"

namespace millrace {

/// What a slot of a batch holds.
enum class Outcome : std::uint8_t { delivered, substituted, skipped, raised };

/// What became of a slot.
struct SlotRecord {
  Outcome outcome = Outcome::raised;
  SampleRef sample;                    ///< whose slot it is
  SampleRef stand_in;                  ///< if substituted: what it holds
  std::uint32_t captions_dropped = 0;  ///< empty ones of what it holds
};

/// Fills one slot after another: reads the sample, makes its columns in the slot, and looks for
/// another where it is bad. All the scratch of one thread is here, kept between samples. Not
/// thread-safe: one a thread.
class SampleWorker {
 public:
  /// `column_sets` as LoaderOptions has them.
  SampleWorker(const std::vector<Columns>& column_sets, OnBadSample on_bad_sample);

  struct Task {
    const BatchSamples& samples;
    Batch& batch;
    std::size_t slot;
    /// Once this is not above `slot` any more, nobody wants the slot.
    const std::atomic<std::size_t>& wanted_slots;
    std::uint64_t epoch_seed;  ///< see draw_of
  };

  /// Fills the task's slot with its sample. Unless the outcome is `delivered`, `error` says what
  /// was wrong with that sample. A shard that is not the indexed one is raised under any policy:
  /// the plan does not hold for it.
  SlotRecord fill(const Task& task, std::optional<Error>& error);

  /// Time spent since the last call of this.
  StageTimes take_times();

 private:
  /// Past this many bad samples in a row nothing is looked for any more.
  static constexpr std::uint64_t kMostSubstitutes = 256;

  void find_stand_in(const Task& task, SlotRecord& record, Error& error);
  Result<void> make(const Task& task, const SampleRef& ref);
  Result<void> write_columns(Batch& batch, std::size_t slot);

  OnBadSample on_bad_sample_;
  std::vector<SampleMaker> makers_;  // by column set
  SampleMaker* maker_;               // of the batch at hand
  std::shared_ptr<const Shard> shard_;
  Sample sample_;
  StageTimes times_;
};

}  // namespace millrace
