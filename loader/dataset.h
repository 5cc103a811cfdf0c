#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/loader/open_shards.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/loader/selection.h"
#include "millrace/result/result.h"

namespace millrace {

/// What a source unpacks to, in all, that is not worth being planned by units: it stays in memory.
/// A constant, because the order does not depend on memory.
inline constexpr std::uint64_t kStaysUnpackedBytes = std::uint64_t{1} << 30;

/// Whether the shards that have selected samples must be unpacked whole, and come to more than
/// kStaysUnpackedBytes. The order then takes shards as its units (EpochOrder).
bool has_units(const ShardCatalog& catalog, const SampleCounts& selected);

/// The selected samples of a list of shards as one array with random access. Thread-safe once
/// opened.
class Dataset {
 public:
  /// Catalogs the shards (see ShardCatalog::open) and selects. `options.read` is also how samples
  /// are read. Payload is not read. `open_shards` is where shards are kept open; null: one of its
  /// own. Errors: a spec that names nothing, a shard that cannot be opened, no samples at all.
  static Result<std::shared_ptr<const Dataset>> open(const std::vector<std::string>& specs,
                                                     const Selection& selection,
                                                     CatalogOptions options,
                                                     const ParallelFor& parallel_for,
                                                     std::shared_ptr<OpenShards> open_shards = {});

  /// Other samples of the same shards, which are open once for all. `selection` needs no metadata
  /// that this one was not opened for (std::invalid_argument). Errors as SelectedSamples::select.
  Result<std::shared_ptr<const Dataset>> reselected(const Selection& selection,
                                                    const ParallelFor& parallel_for) const;

  /// Of the selected samples; SampleId::index counts the selected ones of a shard.
  const SampleCounts& counts() const { return selected_.counts(); }
  /// Which of its captions a sample stands for; see SelectedSamples::part.
  std::uint64_t part(SampleId id) const { return selected_.part(id); }
  const ShardCatalog& catalog() const { return *catalog_; }
  /// Of the selected samples, as far as shards tell: in proportion to their shard's size.
  std::uint64_t bytes() const { return bytes_; }
  bool has_units() const { return has_units_; }
  /// Changes whenever a shard's file name, order or number of selected samples does, which samples
  /// are chosen one by one, or has_units.
  std::uint64_t fingerprint() const { return fingerprint_; }

  /// Fills `sample`, which views into `shard` (kept open by the caller for as long as it looks).
  /// Errors: those of the shard; stale_index where the shard is not what was indexed.
  Result<void> read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const;

  /// Asks the system to read that sample soon; returns how many bytes it will touch, 0 if unknown.
  /// Opens mapped shards; of others nothing is asked, see open_ahead().
  std::uint64_t will_need(SampleId id) const;

  /// Makes an open shard the one used last. Returns whether open_ahead() would open it.
  bool renew(std::uint64_t shard) const;
  /// Opens a shard unless that is done already. Errors are left to read().
  void open_ahead(std::uint64_t shard) const;
  const OpenShards& open_shards() const { return *open_shards_; }

 private:
  Dataset(std::shared_ptr<const ShardCatalog> catalog, SelectedSamples selected,
          ShardOpener open_shard, std::shared_ptr<OpenShards> open_shards, std::size_t number);
  OpenShards::Key key(std::uint64_t shard) const { return {number_, shard}; }
  Result<OpenShards::Shared> opened(std::uint64_t shard) const;
  /// Whether the error is a want of files or mappings; gives back what is held and not in use, and
  /// from the second attempt on waits a little.
  bool make_room_for(const Error& error, int attempt) const;
  Result<OpenShards::Shared> open_anew(std::uint64_t shard) const;

  std::shared_ptr<const ShardCatalog> catalog_;
  SelectedSamples selected_;
  ShardOpener open_shard_;
  std::uint64_t bytes_ = 0;
  std::uint64_t fingerprint_ = 0;
  bool has_units_ = false;
  std::shared_ptr<OpenShards> open_shards_;
  std::size_t number_;  // in open_shards_
};

}  // namespace millrace
