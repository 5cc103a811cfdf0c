#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "in_turn.h"
#include "millrace/formats/index/shard_catalog.h"
#include "millrace/loader/selection.h"

namespace millrace::test {

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// A sample as an index knows it. A damaged place has no key.
struct Entry {
  std::string key;
  double score = kAbsent;
  double width = kAbsent;
  double texts = kAbsent;  // how many there are
};

/// Shards "0.tar", ... that are only in memory.
class MemoryCatalog : public ShardCatalog {
 public:
  explicit MemoryCatalog(std::vector<std::vector<Entry>> shards) : shards_(std::move(shards)) {}

  std::size_t shards() const override { return shards_.size(); }
  std::string path(std::size_t shard) const override { return std::to_string(shard) + ".tar"; }
  std::uint64_t samples(std::size_t shard) const override { return shards_[shard].size(); }
  std::uint64_t bytes(std::size_t /*shard*/) const override { return 0; }
  std::uint64_t damaged_shards() const override { return 0; }
  SkippedRecords skipped_records() const override { return {}; }
  Result<std::vector<std::uint64_t>> sample_offsets(std::size_t /*shard*/,
                                                    const Shard& /*open*/) const override {
    return fail(Reason::internal, "not asked for");
  }
  Result<std::vector<double>> numbers(std::size_t shard, std::string_view field) const override;
  Result<std::vector<std::uint64_t>> key_hashes(std::size_t shard) const override;

  std::set<std::size_t> failing;  ///< shards whose numbers cannot be had

 private:
  std::vector<std::vector<Entry>> shards_;
};

/// Counts only, as of a huge dataset.
class CountCatalog : public MemoryCatalog {
 public:
  CountCatalog(std::size_t shards, std::uint64_t samples)
      : MemoryCatalog({}), shards_(shards), samples_(samples) {}
  std::size_t shards() const override { return shards_; }
  std::uint64_t samples(std::size_t /*shard*/) const override { return samples_; }

 private:
  std::size_t shards_;
  std::uint64_t samples_;
};

/// A ParallelFor of three threads, each of which begins with its last task.
void backwards_on_threads(std::size_t count, const std::function<void(std::size_t)>& task);

using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  ///< shard, index in it

Places places_of(const SelectedSamples& selected);
/// What is selected; the selection must be no error.
Places select_places(const Selection& selection, const ShardCatalog& catalog,
                     const ParallelFor& parallel_for = in_turn);
/// The selection's error, or "none".
std::string error_of(const Selection& selection, const ShardCatalog& catalog);

}  // namespace millrace::test
