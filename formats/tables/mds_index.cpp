#include "millrace/formats/tables/mds_index.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <mutex>
#include <system_error>
#include <utility>

#include <simdjson.h>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/index/index_block.h"
#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

namespace dom = simdjson::dom;
namespace fs = std::filesystem;

constexpr std::size_t kMostIndexBytes = std::size_t{256} << 20;
constexpr std::string_view kIndexName = "index.json";

tl::unexpected<Error> damage(std::string message) {
  return fail(Reason::damaged_shard, std::move(message));
}

Result<dom::element> parse(dom::parser& parser, std::span<const std::uint8_t> json) {
  const std::string_view text = as_text(json);
  dom::element document;
  if (const auto error = parser.parse(text.data(), text.size()).get(document)) {
    return damage(std::string("no valid JSON: ") + simdjson::error_message(error));
  }
  return document;
}

Result<std::uint64_t> number(dom::element object, std::string_view name) {
  std::uint64_t value = 0;
  if (object[name].get(value) != simdjson::SUCCESS) {
    return damage("'" + std::string(name) + "' is no count");
  }
  return value;
}

Result<std::vector<std::string>> texts(dom::element object, std::string_view name) {
  dom::array list;
  if (object[name].get(list) != simdjson::SUCCESS) {
    return damage("'" + std::string(name) + "' is no list");
  }
  std::vector<std::string> values;
  for (const dom::element entry : list) {
    std::string_view text;
    if (entry.get(text) != simdjson::SUCCESS) {
      return damage("'" + std::string(name) + "' has an entry that is no text");
    }
    values.emplace_back(text);
  }
  return values;
}

Result<std::vector<MdsColumn>> columns_of(dom::element object) {
  auto names = texts(object, "column_names");
  if (!names) return tl::unexpected<Error>(std::move(names.error()));
  auto encodings = texts(object, "column_encodings");
  if (!encodings) return tl::unexpected<Error>(std::move(encodings.error()));
  dom::array list;
  if (object["column_sizes"].get(list) != simdjson::SUCCESS) {
    return damage("'column_sizes' is no list");
  }
  std::vector<std::uint64_t> sizes;
  for (const dom::element entry : list) {
    std::uint64_t size = std::numeric_limits<std::uint64_t>::max();
    if (!entry.is_null() && entry.get(size) != simdjson::SUCCESS) {
      return damage("'column_sizes' has an entry that is no size");
    }
    sizes.push_back(size);
  }
  return mds_columns(*names, *encodings, sizes);
}

// A name of a file in the folder or below it.
Result<std::string> file_name_in(dom::element data) {
  std::string_view name;
  if (data["basename"].get(name) != simdjson::SUCCESS || name.empty()) {
    return damage("'basename' is no name");
  }
  const fs::path path(name);
  const bool leaves = path.is_absolute() ||
                      std::find(path.begin(), path.end(), fs::path("..")) != path.end() ||
                      name.find('\0') != std::string_view::npos;
  if (leaves) return damage("the file '" + std::string(name) + "' lies outside of the folder");
  return std::string(name);
}

// Those that are no text are left out: there is nothing to compare with.
std::vector<std::pair<std::string, std::string>> hashes_of(dom::element data) {
  std::vector<std::pair<std::string, std::string>> hashes;
  dom::object members;
  if (data["hashes"].get(members) != simdjson::SUCCESS) return hashes;
  for (const dom::key_value_pair member : members) {
    std::string_view digest;
    if (member.value.get(digest) == simdjson::SUCCESS) hashes.emplace_back(member.key, digest);
  }
  return hashes;
}

Result<MdsIndexEntry> entry_of(dom::element shard) {
  std::string_view format;
  if (shard["format"].get(format) == simdjson::SUCCESS && format != "mds") {
    return damage("its format is '" + std::string(format) + "', not 'mds'");
  }
  std::uint64_t version = 0;
  if (shard["version"].get(version) != simdjson::SUCCESS || version != 2) {
    return damage("its version is not 2");
  }
  MdsIndexEntry entry;
  const auto samples = number(shard, "samples");
  if (!samples) return tl::unexpected<Error>(samples.error());
  entry.samples = *samples;
  dom::element raw;
  if (shard["raw_data"].get(raw) != simdjson::SUCCESS) return damage("'raw_data' is missing");
  auto name = file_name_in(raw);
  if (!name) return tl::unexpected<Error>(std::move(name.error()));
  entry.name = std::move(*name);
  const auto bytes = number(raw, "bytes");
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  entry.bytes = *bytes;
  entry.hashes = hashes_of(raw);
  dom::element packed;
  if (shard["zip_data"].get(packed) == simdjson::SUCCESS && !packed.is_null()) {
    auto packed_name = file_name_in(packed);
    if (!packed_name) return tl::unexpected<Error>(std::move(packed_name.error()));
    entry.packed_name = std::move(*packed_name);
  }
  auto columns = columns_of(shard);
  if (!columns) return tl::unexpected<Error>(std::move(columns.error()));
  entry.columns = std::make_shared<const std::vector<MdsColumn>>(std::move(*columns));
  return entry;
}

struct KeptIndex {
  std::mutex mutex;
  std::string path;
  FileStamp stamp;
  std::shared_ptr<const MdsIndex> index;
};

KeptIndex& kept_index() {
  static KeptIndex kept;
  return kept;
}

Error located(Error error, const std::string& path) {
  error.shard = path;
  return error;
}

}  // namespace

MdsIndex::MdsIndex(std::vector<MdsIndexEntry> shards) : shards_(std::move(shards)) {
  by_name_.reserve(shards_.size());
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto shard = static_cast<std::uint32_t>(i);
    by_name_.push_back({shard, false});
    if (!shards_[i].packed_name.empty()) by_name_.push_back({shard, true});
  }
  std::sort(by_name_.begin(), by_name_.end(), [this](File a, File b) {
    const int order = name_of(a).compare(name_of(b));
    return order != 0 ? order < 0 : a.shard < b.shard;
  });
}

std::string_view MdsIndex::name_of(File file) const {
  const MdsIndexEntry& entry = shards_[file.shard];
  return file.is_packed ? entry.packed_name : entry.name;
}

const MdsIndexEntry* MdsIndex::find(std::string_view file_name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), file_name,
                       [this](File file, std::string_view name) { return name_of(file) < name; });
  if (found == by_name_.end() || name_of(*found) != file_name) return nullptr;
  return &shards_[found->shard];
}

Result<MdsIndex> parse_mds_index(std::span<const std::uint8_t> json) {
  dom::parser parser;
  const auto document = parse(parser, json);
  if (!document) return tl::unexpected<Error>(document.error());
  std::uint64_t version = 0;
  if ((*document)["version"].get(version) != simdjson::SUCCESS || version != 2) {
    return damage("the version of the MDS index is not 2");
  }
  dom::array shards;
  if ((*document)["shards"].get(shards) != simdjson::SUCCESS) {
    return damage("'shards' is no list");
  }
  std::vector<MdsIndexEntry> entries;
  std::uint64_t samples = 0;
  for (const dom::element shard : shards) {
    auto entry = entry_of(shard);
    if (!entry) {
      return damage("shard " + std::to_string(entries.size()) + ": " + entry.error().message);
    }
    if (entry->samples > std::numeric_limits<std::uint64_t>::max() - samples) {
      return damage("the shards have more than 2^64 samples");
    }
    entry->first_sample = samples;
    samples += entry->samples;
    if (!entries.empty() && *entries.back().columns == *entry->columns) {
      entry->columns = entries.back().columns;
    }
    entries.push_back(std::move(*entry));
  }
  return MdsIndex(std::move(entries));
}

Result<std::vector<MdsColumn>> parse_mds_config(std::span<const std::uint8_t> json) {
  dom::parser parser;
  const auto document = parse(parser, json);
  if (!document) return tl::unexpected<Error>(document.error());
  return columns_of(*document);
}

Result<std::shared_ptr<const MdsIndex>> read_mds_index(const std::string& path) {
  const auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  KeptIndex& kept = kept_index();
  {
    const std::lock_guard lock(kept.mutex);
    if (kept.index && kept.path == path && kept.stamp == *stamp) return kept.index;
  }
  const auto file = map_file(path);
  if (!file) return tl::unexpected<Error>(file.error());
  if ((*file)->bytes().size() > kMostIndexBytes) {
    return tl::unexpected<Error>(
        located(damage("the MDS index is larger than 256 MiB").value(), path));
  }
  auto parsed = parse_mds_index((*file)->bytes());
  if (!parsed) return tl::unexpected<Error>(located(std::move(parsed.error()), path));
  auto index = std::make_shared<const MdsIndex>(std::move(*parsed));
  const std::lock_guard lock(kept.mutex);
  kept.path = path;
  kept.stamp = *stamp;
  kept.index = index;
  return index;
}

Result<FoundMdsEntry> find_mds_entry(const std::string& path) {
  fs::path folder = fs::path(path).parent_path();
  std::string name = fs::path(path).filename().string();
  for (int above = 0; above < 2; ++above) {
    const std::string index_path = (folder / kIndexName).string();
    std::error_code error;
    if (fs::is_regular_file(index_path, error)) {
      auto index = read_mds_index(index_path);
      if (!index) return tl::unexpected<Error>(std::move(index.error()));
      if (const MdsIndexEntry* entry = (*index)->find(name)) return FoundMdsEntry{*index, entry};
      return FoundMdsEntry{};
    }
    if (folder.filename().empty()) break;
    name.insert(0, "/").insert(0, folder.filename().string());
    folder = folder.parent_path();
  }
  return FoundMdsEntry{};
}

bool is_mds_folder(const std::string& path) {
  const auto file = map_file((fs::path(path) / kIndexName).string());
  if (!file || (*file)->bytes().size() > kMostIndexBytes) return false;
  dom::parser parser;
  if (const auto document = parse(parser, (*file)->bytes())) {
    return (*document)["shards"].is_array();
  }
  return as_text((*file)->bytes()).find("\"column_encodings\"") != std::string_view::npos;
}

Result<std::vector<std::string>> mds_shards(const std::string& path) {
  const fs::path folder(path);
  const auto index = read_mds_index((folder / kIndexName).string());
  if (!index) return tl::unexpected<Error>(index.error());
  std::vector<std::string> paths;
  for (const MdsIndexEntry& shard : (*index)->shards()) {
    std::error_code error;
    const bool packed = !shard.packed_name.empty() && !fs::exists(folder / shard.name, error);
    paths.push_back((folder / (packed ? shard.packed_name : shard.name)).string());
  }
  return paths;
}

}  // namespace millrace
