#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/shard_catalog.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which samples of a dataset take part. Applied before planning, in the order of the members, so
/// that epochs stay exact: what is not selected is not there.
struct Selection {
  /// Shards [shards_begin, shards_end) of the list.
  std::uint64_t shards_begin = 0;
  std::uint64_t shards_end = UINT64_MAX;
  /// A condition over metadata, e.g. `json:quality_score >= 0.3 and json:width >= 256` (see
  /// formats/metadata_condition.h). Empty: all.
  std::string where;
  /// Only these keys; empty: all. An entry `@FILE` stands for the lines of a file.
  std::vector<std::string> keep_keys;
  /// Not these keys; the same form.
  std::vector<std::string> drop_keys;
  /// Of what is left, counted through all shards, number `every_offset` of each `every`.
  std::uint64_t every = 1;
  std::uint64_t every_offset = 0;

  bool selects_all() const;
  /// What a catalog must know for this: CatalogOptions::metadata.
  std::vector<std::string> metadata() const;
  /// Throws std::invalid_argument naming the member and its value.
  void validate() const;
  /// One JSON object of the members that are not at their defaults; key lists by their number and a
  /// hash. For the fingerprint. Reads the key files: throws std::invalid_argument if one cannot be
  /// read.
  std::string describe() const;
};

/// The outcome of a selection. Immutable, thread-safe. Memory: 8 bytes a shard, and where single
/// samples are chosen (where, keys) one bit a sample.
class SelectedSamples {
 public:
  /// Everything.
  explicit SelectedSamples(const ShardCatalog& catalog);
  static Result<SelectedSamples> select(const Selection& selection, const ShardCatalog& catalog,
                                        const ParallelFor& parallel_for);

  /// Selected samples of each shard of the catalog.
  const SampleCounts& counts() const { return counts_; }
  /// The index in the shard's offsets of a selected sample: `selected.index` counts the shard's
  /// selected ones. O(1) without bitmaps, else O(samples of the shard / 64).
  std::uint64_t index_in_shard(SampleId selected) const;

 private:
  SampleCounts counts_;
};

}  // namespace millrace
