#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace::cli {

/// An open shard, and what its `read` takes.
struct OpenSource {
  std::shared_ptr<const Shard> shard;
  std::vector<std::uint64_t> offsets;
  std::uint64_t damaged = 0;
  bool from_tar = false;  ///< its samples' fields are files, not columns
};

/// The shards that specs name, opened one by one: nothing is known of a shard that nobody has come
/// to. Thread-safe.
class SourceShards {
 public:
  /// A sample index among the sources stands for its shards. Errors: those of shards_of, a damaged
  /// index.
  static Result<SourceShards> list(const std::vector<std::string>& specs, const ReadOptions& read);

  std::size_t size() const { return shards_.size(); }
  const std::string& path(std::size_t shard) const { return shards_[shard]; }

  /// What an index says, beside the shard or in the cache folder, that has it right. Nothing where
  /// none does: the shard must be walked.
  std::optional<std::uint64_t> known_samples(std::size_t shard) const;
  std::optional<std::uint64_t> known_damaged(std::size_t shard) const;

  /// Opens a shard and finds its samples: by an index if one is right, else by walking it.
  Result<OpenSource> open(std::size_t shard) const;

  /// The number of the shard with this path, or the only one whose path ends so, or which has that
  /// number. Throws std::invalid_argument that begins with `asked` if there is none or several.
  std::size_t find(const std::string& name, const std::string& asked) const;

 private:
  std::optional<IndexBlock> indexed(std::size_t shard) const;

  std::vector<std::string> shards_;
  ReadOptions read_;
  std::map<std::string, FolderIndexes, std::less<>> folders_;
};

}  // namespace millrace::cli
