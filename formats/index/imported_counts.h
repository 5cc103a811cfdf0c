#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct ImportedCount {
  std::uint64_t samples = 0;
  std::string file;  ///< the name of the file that says so, in the shard's folder
};

/// Sample counts from the files that other tools leave in the folder of the shards. The first that
/// counts the shard wins:
///
///     sizes.json          {"shard.tar": 7, ...}                              webdataset
///     index.json          {"shardlist": [{"url": ..., "nsamples": 7}, ...]}  wids
///     SHARD.tar.idx       u64 offsets of the samples and of the end          energon
///     SHARD.idx           first line "v1.2 7"                                DALI's wds2idx
///     SHARD_stats.json    {"successes": 7, ...}                              img2dataset
///
/// A file that is not what its name promises counts nothing. Immutable and thread-safe.
class ImportedCounts {
 public:
  /// Reads the files that count all shards of a folder (as folder_of() names it).
  explicit ImportedCounts(std::string_view folder);

  std::optional<ImportedCount> find(std::string_view shard_name) const;

 private:
  std::string folder_;
  std::map<std::string, ImportedCount, std::less<>> by_name_;
};

}  // namespace millrace
