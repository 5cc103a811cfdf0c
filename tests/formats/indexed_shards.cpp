#include "indexed_shards.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "in_turn.h"
#include "scratch_folder.h"
#include "tar_maker.h"
#include "text.h"

namespace millrace::test {

namespace fs = std::filesystem;

std::vector<std::uint8_t> made_tar(const std::string& prefix, std::size_t samples) {
  TarMaker tar;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::string key = prefix + std::to_string(i);
    tar.file(key + ".jpg", std::string(100 + 700 * (i % 5), 'j'));
    tar.file(key + ".json", "{\"width\": " + std::to_string(100 + i) + "}");
  }
  return tar.end().bytes();
}

void set_age(const std::string& path, int seconds_ago) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(seconds_ago));
}

std::string write_shard(const ScratchFolder& folder, const std::string& name,
                        const std::vector<std::uint8_t>& bytes, int seconds_ago) {
  const std::string path = folder.write(name, text_of(bytes));
  set_age(path, seconds_ago);
  return path;
}

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  write_file(path, text_of(bytes));
}

std::vector<std::uint64_t> offsets_of(const ShardCatalog& catalog, std::size_t shard) {
  const auto open = open_shard(catalog.path(shard));
  if (!open) throw std::runtime_error(open.error().to_string());
  const auto offsets = catalog.sample_offsets(shard, **open);
  if (!offsets) throw std::runtime_error(offsets.error().to_string());
  return *offsets;
}

std::vector<std::uint64_t> walked_offsets(const std::string& path) {
  return (*open_shard(path))->index()->sample_offsets;
}

CatalogOptions without_cache() {
  CatalogOptions options;
  options.cache_folder.clear();
  return options;
}

IndexMaking making_of(const std::vector<std::string>& sources) {
  IndexMaking making;
  making.sources = sources;
  return making;
}

IndexSummary indexed(const IndexMaking& making) {
  auto summary = make_indexes(making, in_turn, nullptr);
  if (!summary) throw std::runtime_error(summary.error().to_string());
  return std::move(*summary);
}

Error offsets_error(const ShardCatalog& catalog, std::size_t shard) {
  const auto open = open_shard(catalog.path(shard));
  if (!open) throw std::runtime_error(open.error().to_string());
  const auto offsets = catalog.sample_offsets(shard, **open);
  if (offsets) throw std::runtime_error("offsets were given for " + catalog.path(shard));
  return offsets.error();
}

}  // namespace millrace::test
