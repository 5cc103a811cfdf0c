#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/formats/index/shard_catalog.h"
#include "millrace/result/result.h"

namespace millrace {

struct IndexMaking {
  std::vector<std::string> sources;  ///< shard specs; an index among them stands for its shards
  /// One index of all shards in their order, for use as a source. Empty: one in each folder that
  /// shards lie in, sorted by name, which keeps what it says of other shards while it is true.
  std::string output;
  bool force = false;          ///< walk every shard, whatever an index says of it
  bool import_counts = false;  ///< where other tools left counts (imported_counts.h), only those
  std::vector<std::string> metadata;  ///< as in CatalogOptions
  ImageSizeReader image_size;         ///< the same
  ReadOptions read;
};

struct IndexSummary {
  std::uint64_t shards = 0;  ///< entries of the indexes
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  SkippedRecords skipped;
  std::uint64_t walked = 0;
  std::uint64_t imported = 0;  ///< counts taken over
  std::uint64_t reused = 0;    ///< blocks taken from the index there was, or an interrupted run
  std::vector<std::string> files;
  std::vector<Error> damaged;  ///< one a damaged shard, the first loss in it
};

/// Told of every shard that is done, from any thread, one at a time: how many are, of how many, and
/// their samples.
using IndexProgress =
    std::function<void(std::size_t shards_done, std::size_t shards, std::uint64_t samples_done)>;

/// Makes or refreshes sample indexes. Walks in parallel; what an interrupted run did is taken up.
/// Errors: those of expand_shard_specs, a shard that cannot be opened (the first one; all others
/// are walked, and the next run takes them up), an index that cannot be written.
/// Throws std::invalid_argument on a metadata field as validate_metadata.
Result<IndexSummary> make_indexes(const IndexMaking& making, const ParallelFor& parallel_for,
                                  const IndexProgress& progress);

}  // namespace millrace
