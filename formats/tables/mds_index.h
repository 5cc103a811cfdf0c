#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/formats/tables/mds_columns.h"
#include "millrace/result/result.h"

namespace millrace {

/// What an MDS folder's index.json (version 2) says of one shard.
struct MdsIndexEntry {
  std::string name;  ///< of the plain file, in the folder: `shard.00000.mds`
  std::uint64_t bytes = 0;
  std::string packed_name;  ///< of the compressed file; empty: there is none
  std::uint64_t samples = 0;
  std::uint64_t first_sample = 0;  ///< the number of the shard's first sample in the folder
  std::shared_ptr<const std::vector<MdsColumn>> columns;
  /// Of the plain file: names of algorithms, as hashlib and xxhash have them, and the digests in
  /// hexadecimal.
  std::vector<std::pair<std::string, std::string>> hashes;
};

class MdsIndex {
 public:
  MdsIndex() = default;
  explicit MdsIndex(std::vector<MdsIndexEntry> shards);

  const std::vector<MdsIndexEntry>& shards() const { return shards_; }
  /// The entry of a file, plain or compressed, by its name in the folder: the first one of that
  /// name; null if there is none. Takes O(log shards).
  const MdsIndexEntry* find(std::string_view file_name) const;

 private:
  /// A file of shard number `shard`.
  struct File {
    std::uint32_t shard;
    bool is_packed;
  };
  std::string_view name_of(File file) const;

  std::vector<MdsIndexEntry> shards_;
  std::vector<File> by_name_;
};

/// An entry, held together with the index that it is in.
struct FoundMdsEntry {
  std::shared_ptr<const MdsIndex> index;
  const MdsIndexEntry* entry = nullptr;  ///< null: there is no index, or it knows no such shard
};

/// What the index.json of the shard's folder, or of the folder above, says of the shard at `path`.
/// Errors: those of `read_mds_index`.
Result<FoundMdsEntry> find_mds_entry(const std::string& path);

/// Parses the text of an index.json. Errors: damaged_shard saying what is
/// wrong, also for another version or format, or for a shard whose file would lie outside the
/// folder.
Result<MdsIndex> parse_mds_index(std::span<const std::uint8_t> json);

/// The parsed index.json at `path`. The last one is kept for as long as the file stays as it is,
/// because each of a folder's shards asks for it. Errors: io_error; those of `parse_mds_index`;
/// damaged_shard for a file above 256 MiB. Thread-safe.
Result<std::shared_ptr<const MdsIndex>> read_mds_index(const std::string& path);

/// Whether a folder has an index.json that is one of MDS, be it damaged.
bool is_mds_folder(const std::string& path);

/// The paths of the folder's shards, in order: of each the plain file, or the compressed one if
/// only that is there. Errors: those of `read_mds_index`, with the index.json as shard.
Result<std::vector<std::string>> mds_shards(const std::string& path);

/// The columns that a config inside of a shard (or an entry of index.json) names. Errors:
/// damaged_shard.
Result<std::vector<MdsColumn>> parse_mds_config(std::span<const std::uint8_t> json);

}  // namespace millrace
