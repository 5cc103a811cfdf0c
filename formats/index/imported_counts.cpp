#include "millrace/formats/index/imported_counts.h"

#include <charconv>
#include <span>
#include <system_error>

#include <simdjson.h>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/index/little_endian-inl.h"
#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

namespace dom = simdjson::dom;

// More than any shard holds; what claims more is no count.
constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 48;
constexpr std::size_t kMostJsonBytes = std::size_t{1} << 30;
constexpr std::string_view kTar = ".tar";

std::string_view stem_of(std::string_view shard_name) {
  return shard_name.ends_with(kTar) ? shard_name.substr(0, shard_name.size() - kTar.size())
                                    : shard_name;
}

std::optional<dom::element> parse_file(const std::string& path, dom::parser& parser) {
  const auto file = map_file(path);
  if (!file || (*file)->bytes().size() > kMostJsonBytes) return std::nullopt;
  const auto bytes = (*file)->bytes();
  dom::element document;
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  if (parser.parse(text, bytes.size()).get(document) != simdjson::SUCCESS) return std::nullopt;
  return document;
}

std::optional<std::uint64_t> count_of(simdjson::simdjson_result<dom::element> element) {
  std::uint64_t count = 0;
  if (element.get(count) != simdjson::SUCCESS || count > kMostSamples) return std::nullopt;
  return count;
}

// Offsets from 0 on that rise, the last one the end of the samples.
std::optional<std::uint64_t> offsets_count(std::span<const std::uint8_t> bytes,
                                           std::uint64_t shard_bytes) {
  if (bytes.size() < 8 || bytes.size() % 8 != 0) return std::nullopt;
  std::uint64_t before = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const auto offset = little_endian::load<std::uint64_t>(bytes.data() + at);
    if (at == 0 ? offset != 0 : offset <= before) return std::nullopt;
    before = offset;
  }
  return before <= shard_bytes ? std::optional(bytes.size() / 8 - 1) : std::nullopt;
}

std::optional<std::uint64_t> dali_count(std::span<const std::uint8_t> bytes) {
  std::string_view text = as_text(bytes);
  const std::size_t version = text.starts_with("v1.2 ") || text.starts_with("v1.1 ") ? 5 : 0;
  if (version == 0) return std::nullopt;
  text = text.substr(version, text.find('\n') - version);
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::uint64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || stop != text.data() + text.size() || count > kMostSamples) {
    return std::nullopt;
  }
  return count;
}

}  // namespace

ImportedCounts::ImportedCounts(std::string_view folder) : folder_(folder) {
  dom::parser parser;
  const std::string sizes = "sizes.json";
  dom::object by_name;
  if (const auto document = parse_file(folder_ + sizes, parser);
      document && document->get(by_name) == simdjson::SUCCESS) {
    for (const auto field : by_name) {
      if (const auto count = count_of(dom::element(field.value))) {
        by_name_.try_emplace(std::string(file_name_of(field.key)), ImportedCount{*count, sizes});
      }
    }
  }
  const std::string wids = "index.json";
  dom::array shards;
  if (const auto document = parse_file(folder_ + wids, parser);
      document && (*document)["shardlist"].get(shards) == simdjson::SUCCESS) {
    for (const dom::element shard : shards) {
      std::string_view url;
      const auto count = count_of(shard["nsamples"]);
      if (!count || shard["url"].get(url) != simdjson::SUCCESS) continue;
      by_name_.try_emplace(std::string(file_name_of(url)), ImportedCount{*count, wids});
    }
  }
}

std::optional<ImportedCount> ImportedCounts::find(std::string_view shard_name) const {
  if (const auto found = by_name_.find(shard_name); found != by_name_.end()) return found->second;
  const std::string shard(shard_name);
  if (const auto file = map_file(folder_ + shard + ".idx")) {
    const auto stamp = file_stamp(folder_ + shard);
    const auto count = offsets_count((*file)->bytes(), stamp ? stamp->bytes : 0);
    if (count) return ImportedCount{*count, shard + ".idx"};
  }
  const std::string stem(stem_of(shard_name));
  if (const auto file = map_file(folder_ + stem + ".idx")) {
    if (const auto count = dali_count((*file)->bytes()))
      return ImportedCount{*count, stem + ".idx"};
  }
  dom::parser parser;
  const std::string stats = stem + "_stats.json";
  if (const auto document = parse_file(folder_ + stats, parser)) {
    if (const auto count = count_of((*document)["successes"])) return ImportedCount{*count, stats};
  }
  return std::nullopt;
}

}  // namespace millrace
