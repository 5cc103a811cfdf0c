#include "millrace/formats/shard_listing.h"

#include <filesystem>
#include <iterator>

#include "millrace/formats/shard_spec.h"

namespace millrace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> list_shards(const std::string& path, const ReadOptions&) {
  return std::vector{path};
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
