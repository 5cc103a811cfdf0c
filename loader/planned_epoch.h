#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "millrace/loader/batch_samples.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/plan.h"
#include "millrace/loader/rank_slice.h"
#include "millrace/loader/reading_threads.h"

namespace millrace {

using Datasets = std::vector<std::shared_ptr<const Dataset>>;

/// A rank's part of a planned epoch. Immutable, thread-safe.
struct PlannedEpoch {
  EpochPlan plan;
  RankSlice slice;
  Datasets datasets;                          ///< by source
  std::vector<std::size_t> column_sets = {};  ///< by source; empty: there is but one

  /// The shard and index of what the plan names by number.
  SampleRef locate(const PlannedSample& sample) const;
};

/// The batches of a planned epoch, in order, `in_flight` of them at a time. Shards that must be
/// unpacked are opened ahead on the threads.
std::unique_ptr<EpochSamples> planned_samples(std::shared_ptr<const PlannedEpoch> epoch,
                                              const ReadingThreads& threads,
                                              std::uint64_t in_flight);

}  // namespace millrace
