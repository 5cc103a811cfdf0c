#include "source_shards.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/formats/index/index_block.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/formats/tar/tar_reader.h"

namespace millrace::cli {

Result<SourceShards> SourceShards::list(const std::vector<std::string>& specs,
                                        const ReadOptions& read) {
  auto paths = shards_of(specs, read);
  if (!paths) return tl::unexpected<Error>(std::move(paths.error()));
  SourceShards sources;
  sources.read_ = read;
  for (std::string& path : *paths) {
    if (!SampleIndex::is_index(path)) {
      sources.shards_.push_back(std::move(path));
      continue;
    }
    const auto index = SampleIndex::open(path);
    if (!index) return tl::unexpected<Error>(index.error());
    for (std::size_t i = 0; i < (*index)->shards(); ++i) {
      sources.shards_.push_back((*index)->path(i));
    }
  }
  if (!read.reads_as_indexed()) return sources;
  const std::string cache = CatalogOptions::default_cache_folder();
  for (const std::string& path : sources.shards_) {
    const std::string_view folder = folder_of(path);
    if (sources.folders_.find(folder) != sources.folders_.end()) continue;
    auto indexes = FolderIndexes::open(folder, cache);
    if (!indexes) return tl::unexpected<Error>(std::move(indexes.error()));
    sources.folders_.emplace(folder, std::move(*indexes));
  }
  return sources;
}

std::optional<IndexBlock> SourceShards::indexed(std::size_t shard) const {
  const std::string& path = shards_[shard];
  const auto folder = folders_.find(folder_of(path));
  if (folder == folders_.end()) return std::nullopt;
  const auto stamp = file_stamp(path);
  if (!stamp) return std::nullopt;
  const auto place = folder->second.find(file_name_of(path), *stamp, {});
  if (!place) return std::nullopt;
  auto block = place->index->block(place->number);
  if (!block || !block->knows_offsets()) return std::nullopt;
  return std::move(*block);
}

std::optional<std::uint64_t> SourceShards::known_samples(std::size_t shard) const {
  const auto block = indexed(shard);
  return block ? std::optional(block->samples()) : std::nullopt;
}

std::optional<std::uint64_t> SourceShards::known_damaged(std::size_t shard) const {
  const auto block = indexed(shard);
  return block ? std::optional(block->damaged()) : std::nullopt;
}

Result<OpenSource> SourceShards::open(std::size_t shard) const {
  auto opened = open_shard(shards_[shard], read_);
  if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
  OpenSource source;
  source.shard = std::move(*opened);
  const auto bytes = source.shard->source().bytes();
  source.from_tar = tar::begins_like_tar(bytes);
  if (const auto block = indexed(shard)) {
    auto offsets = block->sample_offsets();
    if (offsets && shard_probe(bytes, *offsets) == block->probe()) {
      source.offsets = std::move(*offsets);
      source.damaged = block->damaged();
      return source;
    }
  }
  auto index = source.shard->index();
  if (!index) return tl::unexpected<Error>(std::move(index.error()));
  source.offsets = std::move(index->sample_offsets);
  source.damaged = index->damaged;
  return source;
}

std::size_t SourceShards::find(const std::string& name, const std::string& asked) const {
  const auto exact = std::find(shards_.begin(), shards_.end(), name);
  if (exact != shards_.end()) return static_cast<std::size_t>(exact - shards_.begin());
  if (!name.empty() && name.size() < 19 &&
      name.find_first_not_of("0123456789") == std::string::npos) {
    const std::size_t number = std::stoull(name);
    if (number < shards_.size()) return number;
    throw std::invalid_argument(asked + ": there are " + std::to_string(shards_.size()) +
                                " shards");
  }
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const std::string& path = shards_[i];
    if (!path.ends_with(name) || path[path.size() - name.size() - 1] != '/') continue;
    if (found) {
      std::string both = asked + ": may be ";
      both.append(shards_[*found]).append(" or ").append(path);
      throw std::invalid_argument(both);
    }
    found = i;
  }
  if (!found) throw std::invalid_argument(asked + ": no such shard");
  return *found;
}

}  // namespace millrace::cli
