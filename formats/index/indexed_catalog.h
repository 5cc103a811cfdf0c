#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/index/index_block.h"
#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

/// A shard of its own in a catalog, and where its block is: in a mapped index or in memory.
struct ListedShard {
  std::string path;
  FileStamp stamp;
  std::uint64_t samples = 0;
  std::uint64_t unpacked_bytes = 0;
  IndexedPlace place;
  std::shared_ptr<const std::vector<std::uint8_t>> block;  ///< null: at `place`
};

/// The catalog that ShardCatalog::open makes: runs of listed shards and of whole indexes. Of the
/// shards of an index nothing is kept but the mapping.
class IndexedCatalog final : public ShardCatalog {
 public:
  explicit IndexedCatalog(std::vector<std::string> metadata) : metadata_(std::move(metadata)) {}

  /// Errors: the shard's block is damaged.
  Result<void> add_shard(ListedShard shard);
  void add_index(std::shared_ptr<const SampleIndex> index);

  std::size_t shards() const override { return shards_; }
  std::string path(std::size_t shard) const override;
  std::uint64_t samples(std::size_t shard) const override;
  std::uint64_t bytes(std::size_t shard) const override;
  std::uint64_t unpacked_bytes(std::size_t shard) const override;
  std::uint64_t damaged_shards() const override { return damaged_shards_; }
  SkippedRecords skipped_records() const override { return skipped_; }
  Result<std::vector<std::uint64_t>> sample_offsets(std::size_t shard,
                                                    const Shard& open) const override;
  Result<std::vector<double>> numbers(std::size_t shard, std::string_view field) const override;
  Result<std::vector<std::uint64_t>> key_hashes(std::size_t shard) const override;

 private:
  struct Run {
    std::size_t first = 0;                     // number of its first shard
    std::shared_ptr<const SampleIndex> index;  // null: listed shards
    std::size_t first_listed = 0;
  };

  const Run& run_of(std::size_t shard) const;
  FileStamp stamp(std::size_t shard) const;
  Result<IndexBlock> block(std::size_t shard) const;
  Result<std::vector<std::uint64_t>> column(std::size_t shard, std::string_view field) const;
  Result<std::vector<std::uint64_t>> counted_offsets(std::size_t shard, const IndexBlock& block,
                                                     const Shard& open) const;
  tl::unexpected<Error> stale(std::size_t shard, std::string what,
                              const std::string& option = {}) const;

  std::vector<std::string> metadata_;
  std::vector<Run> runs_;
  std::vector<ListedShard> listed_;
  std::size_t shards_ = 0;
  std::uint64_t damaged_shards_ = 0;
  SkippedRecords skipped_;

  // The blocks of shards of which only the count was known, once they have been walked.
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::size_t, std::shared_ptr<const std::vector<std::uint8_t>>> walked_;
};

}  // namespace millrace
