#pragma once

#include <array>
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

/// Fills one slot after another, or a few together: reads the samples, makes their columns in the
/// slots, and looks for others where they are bad. What becomes of a slot does not depend on those
/// it is filled with. All the scratch of one thread is here, kept between samples. Not thread-safe:
/// one a thread.
class SampleWorker {
 public:
  /// So many slots a task may have. Two images are decoded side by side faster than in turn; four,
  /// two at a time, do not fit the caches (docs/jpeg.md).
  static constexpr std::size_t kMostTogether = SampleMaker::kMostTogether;

  using ColumnSets = std::shared_ptr<const std::vector<Columns>>;
  /// `column_sets` as LoaderOptions has them.
  SampleWorker(ColumnSets column_sets, OnBadSample on_bad_sample);

  struct Task {
    const BatchSamples& samples;
    Batch& batch;
    std::size_t first_slot;
    std::size_t slots;  ///< 1 to kMostTogether
    /// Once this is not above a slot any more, nobody wants the slot.
    const std::atomic<std::size_t>& wanted_slots;
    std::uint64_t epoch_seed;  ///< see draw_of
  };

  /// Fills the task's slots with their samples. `records` and `errors` are one a slot. Unless the
  /// outcome is `delivered`, the error says what was wrong with that sample. A shard that is not
  /// the indexed one is raised under any policy: the plan does not hold for it.
  void fill(const Task& task, std::span<SlotRecord> records,
            std::span<std::optional<Error>> errors);

  /// Time spent since the last call of this.
  StageTimes take_times();

 private:
  /// Past this many bad samples in a row nothing is looked for any more.
  static constexpr std::uint64_t kMostSubstitutes = 256;

  /// A sample in work.
  struct Lane {
    explicit Lane(const std::vector<Columns>& column_sets)
        : fields(column_sets.begin(), column_sets.end()) {}

    std::size_t slot = 0;
    std::shared_ptr<const Shard> shard;
    Sample sample;
    std::vector<SampleFields> fields;  // by column set
    bool is_selected = false;
    std::optional<Error> error;
  };

  Lane& lane(std::size_t nth);
  void select(const Task& task, const SampleRef& ref, Lane& lane);
  void write(const Task& task, std::span<Lane* const> lanes);
  Result<void> write_columns(Batch& batch, const Lane& lane);
  void make_alone(const Task& task, const SampleRef& ref, Lane& lane);
  void find_stand_in(const Task& task, Lane& lane, SlotRecord& record);
  void conclude(const Task& task, Lane& lane, SlotRecord& record);

  ColumnSets column_sets_;
  OnBadSample on_bad_sample_;
  DecodedImages decoded_;
  std::vector<SampleMaker> makers_;                         // by column set
  std::size_t set_ = 0;                                     // of the batch at hand
  std::array<std::unique_ptr<Lane>, kMostTogether> lanes_;  // made when first used
  StageTimes times_;
};

}  // namespace millrace
