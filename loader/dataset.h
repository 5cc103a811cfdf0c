#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/shard_catalog.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/loader/selection.h"
#include "millrace/result/result.h"

namespace millrace {

/// The selected samples of a list of shards as one array with random access. Thread-safe once
/// opened.
class Dataset {
 public:
  /// Catalogs the shards (see ShardCatalog::open) and selects. `options.read` is also how samples
  /// are read. Payload is not read. Errors: a spec that names nothing, a shard that cannot be
  /// opened, no samples at all.
  static Result<std::shared_ptr<const Dataset>> open(const std::vector<std::string>& specs,
                                                     const Selection& selection,
                                                     CatalogOptions options,
                                                     const ParallelFor& parallel_for);

  /// Of the selected samples; SampleId::index counts the selected ones of a shard.
  const SampleCounts& counts() const { return selected_.counts(); }
  const ShardCatalog& catalog() const { return *catalog_; }
  /// Of the selected samples, as far as shards tell: in proportion to their shard's size.
  std::uint64_t bytes() const { return bytes_; }
  /// Changes whenever a shard's file name, order or number of selected samples does.
  std::uint64_t fingerprint() const { return fingerprint_; }

  /// Fills `sample`, which views into `shard` (kept open by the caller for as long as it looks).
  /// Errors: those of the shard; stale_index where the shard is not what was indexed.
  Result<void> read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const;

  /// Asks the system to read that sample soon; returns how many bytes it will touch, 0 if unknown.
  std::uint64_t will_need(SampleId id) const;

 private:
  // Shards stay mapped while they are used; of the others only the latest, since a process may hold
  // a limited number of files (1,024 is usual). Two windows' worth: at the border of one the shards
  // of the next are opened.
  static constexpr std::size_t kMostOpenShards = 512;
  struct OpenShard {
    std::shared_ptr<const Shard> shard;
    std::vector<std::uint64_t> sample_offsets;
  };
  struct Kept {
    std::shared_ptr<const OpenShard> open;
    std::list<std::size_t>::iterator recency;
  };

  Dataset(std::shared_ptr<const ShardCatalog> catalog, SelectedSamples selected,
          const ReadOptions& read, ShardOpener open);
  Result<std::shared_ptr<const OpenShard>> opened(std::size_t shard) const;
  Result<std::shared_ptr<const Shard>> open_anew(const std::string& path) const;

  std::shared_ptr<const ShardCatalog> catalog_;
  SelectedSamples selected_;
  ShardOpener open_shard_;
  std::uint64_t bytes_ = 0;
  std::uint64_t fingerprint_ = 0;

  mutable std::mutex mutex_;
  mutable std::unordered_map<std::size_t, Kept> open_;
  mutable std::list<std::size_t> recently_used_;  // the latest first
};

}  // namespace millrace
