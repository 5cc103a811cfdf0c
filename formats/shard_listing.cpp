#include "millrace/formats/shard_listing.h"

#include <filesystem>
#include <iterator>
#include <utility>

#include "millrace/formats/folder_shards.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/shard_spec.h"
#include "millrace/formats/tables/arrow_readers.h"

namespace millrace {

namespace fs = std::filesystem;

namespace {

std::string without_last_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Its row groups, or the path as it is where it is no Parquet file.
Result<std::vector<std::string>> row_groups_of(const std::string& path,
                                               const ReadOptions& options) {
  const bool is_parquet =
      options.format.empty() ? is_parquet_name(file_name_of(path)) : options.format == "parquet";
  // A row group by its own name stands as it is.
  if (!is_parquet || shard_file(path) != path) return std::vector{path};
  const auto readers = ArrowReaders::load();
  if (!readers) {
    Error error = readers.error();
    error.shard = path;
    return tl::unexpected<Error>(std::move(error));
  }
  const auto groups = (*readers)->row_groups(path);
  if (!groups) return tl::unexpected<Error>(groups.error());
  std::vector<std::string> shards;
  for (std::uint64_t i = 0; i < *groups; ++i) shards.push_back(path + '#' + std::to_string(i));
  return shards;
}

}  // namespace

Result<std::vector<std::string>> list_shards(const std::string& path, const ReadOptions& options) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return row_groups_of(path, options);
  auto listed = folder_shards(without_last_slash(path), options);
  if (!listed) return listed;
  std::vector<std::string> shards;
  for (const std::string& file : *listed) {
    auto parts = row_groups_of(file, options);
    if (!parts) return parts;
    shards.insert(shards.end(), std::make_move_iterator(parts->begin()),
                  std::make_move_iterator(parts->end()));
  }
  return shards;
}

Result<std::vector<std::string>> shards_of(const std::vector<std::string>& specs,
                                           const ReadOptions& options) {
  auto paths = expand_shard_specs(specs);
  if (!paths) return paths;
  std::vector<std::string> shards;
  for (const std::string& path : *paths) {
    auto listed = list_shards(path, options);
    if (!listed) return listed;
    shards.insert(shards.end(), std::make_move_iterator(listed->begin()),
                  std::make_move_iterator(listed->end()));
  }
  return shards;
}

std::string shard_file(const std::string& shard) {
  const std::size_t mark = shard.find_last_of('#');
  if (mark == std::string::npos || mark + 1 == shard.size()) return shard;
  if (shard.find_first_not_of("0123456789", mark + 1) != std::string::npos) return shard;
  std::error_code error;
  return fs::exists(shard, error) ? shard : shard.substr(0, mark);
}

}  // namespace millrace
