#include "millrace/formats/index/folder_indexes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/formats/index/sample_index_writer.h"
#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

namespace fs = std::filesystem;

namespace {

// One file a folder, known by the folder's own path without links.
std::string cache_file(std::string_view folder, const std::string& cache_folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder.empty() ? "." : fs::path(folder), error);
  if (error) return {};
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(key_hash(real.native())));
  return cache_folder + "/index/" + name.data() + ".index";
}

// Adds to `block` the columns that it lacks and `before`, which is of the same file, has: where
// selections by other fields take turns, none of them has the samples read again. What is made
// lies in `bytes`.
void add_columns(const IndexBlock& before, IndexBlock& block,
                 std::deque<std::vector<std::uint8_t>>& bytes) {
  if (before.stamp() != block.stamp() || before.probe() != block.probe()) return;
  auto known = before.decode();
  auto shard = block.decode();
  if (!known || !shard || known->samples != shard->samples) return;
  for (IndexedShard::Column& column : known->columns) {
    if (!block.has_column(column.field)) shard->columns.push_back(std::move(column));
  }
  bytes.push_back(encode_block(*shard));
  if (auto joined = IndexBlock::parse(bytes.back())) block = std::move(*joined);
}

}  // namespace

std::string_view folder_of(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }
std::string_view file_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool has_columns(const IndexBlock& block, std::span<const std::string> metadata) {
  return std::all_of(metadata.begin(), metadata.end(),
                     [&](const std::string& field) { return block.has_column(field); });
}

Result<FolderIndexes> FolderIndexes::open(std::string_view folder,
                                          const std::string& cache_folder) {
  FolderIndexes indexes;
  const std::string beside = std::string(folder) + std::string(kIndexFileName);
  std::error_code error;
  if (fs::exists(beside, error)) {
    auto index = SampleIndex::open(beside);
    if (!index) {
      index.error().message += "; make it anew with millrace index --force, or remove it";
      return tl::unexpected<Error>(std::move(index.error()));
    }
    indexes.beside_ = std::move(*index);
  }
  if (!cache_folder.empty()) {
    if (const std::string cached = cache_file(folder, cache_folder); !cached.empty()) {
      if (auto index = SampleIndex::open(cached)) indexes.cached_ = std::move(*index);
    }
  }
  return indexes;
}

std::optional<IndexedPlace> FolderIndexes::find(std::string_view name, const FileStamp& stamp,
                                                std::span<const std::string> metadata) const {
  for (const std::shared_ptr<const SampleIndex>* index : {&beside_, &cached_}) {
    if (*index == nullptr) continue;
    const auto number = (*index)->find(name);
    if (!number || (*index)->stamp(*number) != stamp) continue;
    if (!metadata.empty()) {
      const auto block = (*index)->block(*number);
      if (!block || !has_columns(*block, metadata)) continue;
    }
    return IndexedPlace{*index, *number};
  }
  return std::nullopt;
}

void keep_in_cache(std::string_view folder, const std::string& cache_folder,
                   std::span<const IndexBlock> blocks) {
  const std::string file = cache_file(folder, cache_folder);
  if (file.empty() || blocks.empty()) return;
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  if (error) return;
  std::vector<IndexBlock> all(blocks.begin(), blocks.end());
  std::unordered_map<std::string_view, std::size_t> numbers;
  for (const IndexBlock& block : blocks) numbers.emplace(block.name(), numbers.size());
  std::deque<std::vector<std::uint8_t>> joined;
  const auto known = SampleIndex::open(file);
  for (std::size_t i = 0; known && i < (*known)->shards(); ++i) {
    auto block = (*known)->block(i);
    if (!block) continue;
    const auto [place, is_new] = numbers.emplace((*known)->name(i), all.size());
    if (!is_new) {
      add_columns(*block, all[place->second], joined);
      continue;
    }
    const auto now = file_stamp(std::string(folder) + std::string((*known)->name(i)));
    if (now && *now == block->stamp()) {
      all.push_back(std::move(*block));
    } else {
      numbers.erase(place);
    }
  }
  (void)write_index(file, all);
}

}  // namespace millrace
