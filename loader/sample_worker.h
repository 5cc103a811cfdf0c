#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/loader/batch.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/options.h"
#include "millrace/loader/epoch_order.h"

namespace millrace {

/// What a slot of a batch holds.
enum class Outcome : std::uint8_t { delivered, substituted, skipped, raised };

/// Makes one sample after another: read, select the fields, transform into the slot. All the
/// scratch of one thread is here, kept between samples. Not thread-safe: one a thread.
class SampleWorker {
 public:
  SampleWorker(const Dataset& dataset, const Columns& columns, OnBadSample on_bad_sample);

  struct Task {
    const EpochOrder& order;
    std::uint64_t position;
    Batch& batch;
    std::size_t slot;
    /// Once this is not above `slot` any more, nobody wants the slot.
    const std::atomic<std::size_t>& wanted_slots;
  };

  /// Fills the task's slot with the sample at its position. Unless the outcome is `delivered`,
  /// `error` says what was wrong with that sample.
  Outcome fill(const Task& task, std::optional<Error>& error);

  /// Time spent since the last call of this.
  StageTimes take_times();

 private:
  /// Past this many bad samples in a row nothing is looked for any more.
  static constexpr std::uint64_t kMostSubstitutes = 256;

  struct ColumnWriter {
    FieldSelector fields;
    FieldSelector::Scratch scratch;
    std::unique_ptr<SlotWriter> writer;
    std::size_t slot_bytes;
    std::span<const std::uint8_t> field;  ///< of the sample at hand
  };

  Result<void> make(SampleId id, Batch& batch, std::size_t slot);
  Result<void> select_fields();
  Result<void> write_columns(Batch& batch, std::size_t slot);

  const Dataset& dataset_;
  OnBadSample on_bad_sample_;
  std::vector<ColumnWriter> columns_;
  std::shared_ptr<const Shard> shard_;
  Sample sample_;
  StageTimes times_;
};

}  // namespace millrace
