#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/formats/index/shard_catalog.h"
#include "millrace/loader/sample_bitmap.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which samples of a dataset take part. Applied before planning, in the order of the members, so
/// that epochs stay exact: what is not selected is not there.
///
/// A damaged place has neither metadata nor a key, and is an entry so that its loss is counted. It
/// goes with the samples that are taken unless said otherwise: the shard range, drop_keys and every
/// count it as a sample, where and keep_keys do not choose it (`... is absent` does).
struct Selection {
  /// Shards [shards_begin, shards_end) of the list, as far as it goes.
  std::uint64_t shards_begin = 0;
  std::uint64_t shards_end = UINT64_MAX;
  /// A condition over metadata, e.g. `json:quality_score >= 0.3 and json:width >= 256` (see
  /// formats/index/metadata_condition.h). Empty: all.
  std::string where = {};
  /// Only these keys; empty: all. An entry `@FILE` stands for the lines of a file (key_set.h). Keys
  /// are compared by their 64-bit hashes.
  std::vector<std::string> keep_keys = {};
  /// Not these keys; the same form.
  std::vector<std::string> drop_keys = {};
  /// Of what is left, counted through all shards, number `every_offset` of each `every`.
  std::uint64_t every = 1;
  std::uint64_t every_offset = 0;
  /// Captions (a field selector, `json:texts`), each of which makes a sample of its own out of what
  /// is left: one with n captions that are not empty takes part n times, next to each other before
  /// shuffling. Where there is none, or a damaged place, once, so that its loss is counted. Filled
  /// in from a column with CaptionChoice::all (LoaderOptions::all_sources). Empty: no.
  std::string expand = {};

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

/// The outcome of a selection. Immutable, thread-safe. Memory: 8 bytes a shard; with every 16;
/// where single samples are chosen (where, keys) 24, and 1.125 bits a sample of the shards in the
/// range; where they are expanded 8 bytes a shard and 1.125 bits a caption more.
class SelectedSamples {
 public:
  /// Everything.
  explicit SelectedSamples(const ShardCatalog& catalog);
  /// The same for all catalogs of equal content, however `parallel_for` works; single samples are
  /// looked at shard by shard in its tasks.
  /// Errors: missing_field where nothing is left, which says after which member; those of the
  /// catalog (the first shard's that has one). Throws as Selection::validate and describe do.
  static Result<SelectedSamples> select(const Selection& selection, const ShardCatalog& catalog,
                                        const ParallelFor& parallel_for);

  /// Selected samples of each shard of the catalog, expanded.
  const SampleCounts& counts() const { return counts_; }
  /// Of which samples are chosen, where single ones are (where, keys); else 0.
  std::uint64_t chosen_hash() const { return left_ ? left_->hash() : 0; }
  /// The index in the shard's offsets of a selected sample: `selected.index` counts the shard's
  /// selected ones. O(1) without bitmaps, else O(log samples of the shard).
  std::uint64_t index_in_shard(SampleId selected) const;
  /// Which of the sample's captions it stands for, from 0; 0 where nothing is expanded.
  std::uint64_t part(SampleId selected) const;

 private:
  class Making;
  explicit SelectedSamples(Making&& made);
  Result<void> expand(const std::string& selector, const ShardCatalog& catalog,
                      const ParallelFor& parallel_for);
  std::uint64_t unexpanded_index(std::size_t shard, std::uint64_t number) const;

  SampleCounts counts_;
  std::uint64_t every_ = 1;
  // By shard, which one of its samples left before `every` is the first selected. Empty: number 0.
  std::vector<std::uint64_t> firsts_;
  std::optional<SampleBitmap> left_;  // before `every`; none: all of the shard
  // A bit for each caption of the selected samples, set for each sample's first. None: not
  // expanded.
  std::optional<SampleBitmap> parts_;
};

}  // namespace millrace
