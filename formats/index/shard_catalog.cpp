#include "millrace/formats/index/shard_catalog.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/index/indexed_catalog.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/shard_listing.h"

namespace millrace {

namespace {

// How a path was resolved: a shard, or an index that stands for its shards.
struct Resolved {
  ListedShard shard;
  std::shared_ptr<const SampleIndex> source;
  bool is_kept = true;  // what was walked may serve other runs, too
};

// Finds out about shards: from indexes where they are right, otherwise by walking.
class Resolver {
 public:
  Resolver(const CatalogOptions& options, const ParallelFor& parallel_for)
      : options_(options), parallel_for_(parallel_for) {}

  // Every path once, however often it is listed; `which[i]` is the result that path i has.
  Result<std::vector<Resolved>> resolve(const std::vector<std::string>& paths,
                                        std::vector<std::size_t>& which) {
    which.clear();
    std::unordered_map<std::string_view, std::size_t> numbers;
    std::vector<const std::string*> distinct;
    for (const std::string& path : paths) {
      const auto [place, is_new] = numbers.emplace(path, distinct.size());
      if (is_new) distinct.push_back(&path);
      which.push_back(place->second);
    }
    if (options_.use_index) {
      if (auto opened = open_folders(distinct); !opened) {
        return tl::unexpected<Error>(std::move(opened.error()));
      }
    }
    std::vector<Resolved> resolved(distinct.size());
    std::vector<std::optional<Error>> errors(distinct.size());
    parallel_for_(distinct.size(), [&](std::size_t i) {
      auto one = resolve_one(*distinct[i]);
      if (one) {
        resolved[i] = std::move(*one);
      } else {
        errors[i] = std::move(one.error());
      }
    });
    for (std::optional<Error>& error : errors) {
      if (error) return tl::unexpected<Error>(std::move(*error));
    }
    if (options_.use_index && !options_.cache_folder.empty()) keep_walked(resolved);
    return resolved;
  }

 private:
  Result<void> open_folders(const std::vector<const std::string*>& paths) {
    for (const std::string* path : paths) {
      const std::string_view folder = folder_of(*path);
      if (folders_.find(folder) != folders_.end()) continue;
      auto indexes = FolderIndexes::open(folder, options_.cache_folder);
      if (!indexes) return tl::unexpected<Error>(std::move(indexes.error()));
      folders_.emplace(folder, std::move(*indexes));
    }
    return {};
  }

  Result<Resolved> resolve_one(const std::string& path) const {
    Resolved resolved;
    ListedShard& shard = resolved.shard;
    shard.path = path;
    if (options_.use_index) {
      const auto stamp = file_stamp(path);
      if (!stamp) return tl::unexpected<Error>(stamp.error());
      const FolderIndexes& indexes = folders_.find(folder_of(path))->second;
      if (auto place = indexes.find(file_name_of(path), *stamp, options_.metadata)) {
        shard.samples = place->index->samples(place->number);
        shard.unpacked_bytes = place->index->unpacked_bytes(place->number);
        shard.stamp = *stamp;
        shard.place = std::move(*place);
        return resolved;
      }
    }
    if (SampleIndex::is_index(path)) {
      auto source = SampleIndex::open(path);
      if (!source) return tl::unexpected<Error>(std::move(source.error()));
      resolved.source = std::move(*source);
      return resolved;
    }
    auto walked = walk_shard(path, options_.metadata, options_.read, options_.open_shard,
                             options_.image_size);
    if (!walked) return tl::unexpected<Error>(std::move(walked.error()));
    walked->name = file_name_of(path);
    shard.samples = walked->samples;
    shard.stamp = walked->stamp;
    shard.unpacked_bytes = walked->unpacked_bytes;
    shard.block = std::make_shared<const std::vector<std::uint8_t>>(encode_block(*walked));
    resolved.is_kept = !walked->is_of_other_files;
    return resolved;
  }

  void keep_walked(const std::vector<Resolved>& resolved) const {
    std::map<std::string_view, std::vector<IndexBlock>> by_folder;
    for (const Resolved& one : resolved) {
      if (one.shard.block == nullptr || !one.is_kept) continue;
      if (auto block = IndexBlock::parse(*one.shard.block)) {
        by_folder[folder_of(one.shard.path)].push_back(std::move(*block));
      }
    }
    for (const auto& [folder, blocks] : by_folder) {
      keep_in_cache(folder, options_.cache_folder, blocks);
    }
  }

  const CatalogOptions& options_;
  const ParallelFor& parallel_for_;
  std::map<std::string, FolderIndexes, std::less<>> folders_;
};

// The shards of an index given as a source, one by one where the index does not suffice: to every
// shard whose block lacks metadata (or to all, if indexes are not to be used) the resolver looks.
Result<void> add_source(const std::shared_ptr<const SampleIndex>& source,
                        const CatalogOptions& options, Resolver& resolver,
                        IndexedCatalog& catalog) {
  std::vector<std::string> lacking;
  std::vector<bool> lacks(source->shards(), !options.use_index);
  for (std::size_t i = 0; i < source->shards(); ++i) {
    if (options.use_index && !options.metadata.empty()) {
      const auto block = source->block(i);
      if (!block) return tl::unexpected<Error>(block.error());
      lacks[i] = !has_columns(*block, options.metadata);
    }
    if (lacks[i]) lacking.push_back(source->path(i));
  }
  if (lacking.empty()) {
    catalog.add_index(source);
    return {};
  }
  std::vector<std::size_t> which;
  const auto resolved = resolver.resolve(lacking, which);
  if (!resolved) return tl::unexpected<Error>(resolved.error());
  std::size_t next = 0;
  for (std::size_t i = 0; i < source->shards(); ++i) {
    ListedShard shard{source->path(i),           source->stamp(i), source->samples(i),
                      source->unpacked_bytes(i), {source, i},      nullptr};
    if (lacks[i]) {
      const Resolved& one = (*resolved)[which[next++]];
      if (one.source != nullptr) {
        return fail(Reason::damaged_shard, "the sample index " + std::string(source->file()) +
                                               " lists another index: " + shard.path);
      }
      shard = one.shard;
    }
    if (auto added = catalog.add_shard(std::move(shard)); !added) return added;
  }
  return {};
}

}  // namespace

std::string CatalogOptions::default_cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (std::string folder = variable("MILLRACE_CACHE_DIR"); !folder.empty()) return folder;
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) {
    return folder + "/millrace";
  }
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/millrace";
  return {};
}

Result<std::shared_ptr<const ShardCatalog>> ShardCatalog::open(
    const std::vector<std::string>& specs, const CatalogOptions& wanted,
    const ParallelFor& parallel_for) {
  CatalogOptions options = wanted;
  options.use_index = options.use_index && options.read.reads_as_indexed();
  auto paths = shards_of(specs, options.read);
  if (!paths) return tl::unexpected<Error>(std::move(paths.error()));
  Resolver resolver(options, parallel_for);
  std::vector<std::size_t> which;
  const auto resolved = resolver.resolve(*paths, which);
  if (!resolved) return tl::unexpected<Error>(resolved.error());
  auto catalog = std::make_shared<IndexedCatalog>(options.metadata);
  for (const std::size_t number : which) {
    const Resolved& one = (*resolved)[number];
    auto added = one.source != nullptr ? add_source(one.source, options, resolver, *catalog)
                                       : catalog->add_shard(one.shard);
    if (!added) return tl::unexpected<Error>(std::move(added.error()));
  }
  return catalog;
}

std::uint64_t key_hash(std::string_view key) {
  // FNV-1a (Fowler, Noll, Vo), then MurmurHash3's finaliser (Appleby), because keys that count up
  // differ in their last byte only.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
  hash ^= hash >> 33;
  return hash == 0 ? 1 : hash;
}

}  // namespace millrace
