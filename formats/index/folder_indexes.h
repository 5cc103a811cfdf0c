#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/index/sample_index.h"
#include "millrace/result/result.h"

namespace millrace {

/// One shard of an index.
struct IndexedPlace {
  std::shared_ptr<const SampleIndex> index;
  std::size_t number = 0;
};

/// The part of a path before its last slash, with it; empty for the current folder.
std::string_view folder_of(std::string_view path);
std::string_view file_name_of(std::string_view path);

/// What is known of the shards of one folder: from the index that lies in it, and from the one made
/// on the fly and kept in the cache folder. Immutable and thread-safe.
class FolderIndexes {
 public:
  /// Errors: an index in the folder that is damaged. One in the cache is passed over then.
  static Result<FolderIndexes> open(std::string_view folder, const std::string& cache_folder);

  /// Where a shard of this name and stamp is described with all of that metadata.
  std::optional<IndexedPlace> find(std::string_view name, const FileStamp& stamp,
                                   std::span<const std::string> metadata) const;

 private:
  std::shared_ptr<const SampleIndex> beside_;
  std::shared_ptr<const SampleIndex> cached_;
};

bool has_columns(const IndexBlock& block, std::span<const std::string> metadata);

/// Adds these blocks, whose names are file names in `folder`, to what the cache knows of it (of a
/// shard it knows already: the metadata that they lack is kept), and drops from there what is no
/// longer true. Whether it could be written does not matter to anyone:
/// it is made again the next time.
void keep_in_cache(std::string_view folder, const std::string& cache_folder,
                   std::span<const IndexBlock> blocks);

}  // namespace millrace
