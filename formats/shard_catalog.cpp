#include "millrace/formats/shard_catalog.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "millrace/formats/index_block.h"
#include "millrace/formats/shard_spec.h"
#include "millrace/formats/shard_walk.h"

namespace millrace {

namespace {

class WalkedCatalog final : public ShardCatalog {
 public:
  struct Entry {
    std::string path;
    std::vector<std::uint8_t> block;
    std::uint64_t samples = 0;
    std::uint64_t bytes = 0;
  };

  WalkedCatalog(std::vector<Entry> entries, const CatalogOptions& options)
      : entries_(std::move(entries)), metadata_(options.metadata) {
    for (const Entry& entry : entries_) {
      const IndexBlock block = block_of(entry);
      damaged_shards_ += block.damaged() > 0 ? 1 : 0;
      add_skipped(skipped_, block.skipped());
    }
  }

  std::size_t shards() const override { return entries_.size(); }
  std::string path(std::size_t shard) const override { return entries_.at(shard).path; }
  std::uint64_t samples(std::size_t shard) const override { return entries_.at(shard).samples; }
  std::uint64_t bytes(std::size_t shard) const override { return entries_.at(shard).bytes; }
  std::uint64_t damaged_shards() const override { return damaged_shards_; }
  SkippedRecords skipped_records() const override { return skipped_; }

  Result<std::vector<std::uint64_t>> sample_offsets(std::size_t shard,
                                                    const Shard& open) const override {
    const Entry& entry = entries_.at(shard);
    const auto now = file_stamp(entry.path);
    if (!now) return tl::unexpected<Error>(now.error());
    const IndexBlock block = block_of(entry);
    if (*now != block.stamp() || open.source().bytes().size() != entry.bytes) {
      return fail(Reason::stale_index, "the shard has changed since it was indexed");
    }
    return block.sample_offsets();
  }

  Result<std::vector<double>> numbers(std::size_t shard, std::string_view field) const override {
    std::vector<double> numbers;
    for (const std::uint64_t bits : column(shard, field)) {
      numbers.push_back(std::bit_cast<double>(bits));
    }
    return numbers;
  }
  Result<std::vector<std::uint64_t>> key_hashes(std::size_t shard) const override {
    return column(shard, "__key__");
  }

 private:
  static IndexBlock block_of(const Entry& entry) { return *IndexBlock::parse(entry.block); }
  std::vector<std::uint64_t> column(std::size_t shard, std::string_view field) const {
    if (std::find(metadata_.begin(), metadata_.end(), field) == metadata_.end()) {
      throw std::invalid_argument("metadata: \"" + std::string(field) + "\" was not asked for");
    }
    return *block_of(entries_.at(shard)).column(field);
  }

  std::vector<Entry> entries_;
  std::vector<std::string> metadata_;
  std::uint64_t damaged_shards_ = 0;
  SkippedRecords skipped_;
};

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
    const std::vector<std::string>& specs, const CatalogOptions& options,
    const ParallelFor& parallel_for) {
  auto paths = expand_shard_specs(specs);
  if (!paths) return tl::unexpected<Error>(std::move(paths.error()));
  std::vector<WalkedCatalog::Entry> entries(paths->size());
  std::vector<std::optional<Error>> errors(paths->size());
  parallel_for(paths->size(), [&](std::size_t i) {
    auto walked = walk_shard((*paths)[i], options.metadata, options.limits);
    if (!walked) {
      errors[i] = std::move(walked.error());
      return;
    }
    entries[i] = {(*paths)[i], encode_block(*walked), walked->samples, walked->stamp.bytes};
  });
  for (std::optional<Error>& error : errors) {
    if (error) return tl::unexpected<Error>(std::move(*error));
  }
  return std::make_shared<const WalkedCatalog>(std::move(entries), options);
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
