#include "millrace/formats/index/shard_walk.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

namespace {

constexpr std::string_view kKeyField = "__key__";
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// One metadata field, taken apart.
class MetadataField {
 public:
  explicit MetadataField(std::string_view text)
      : is_key_(text == kKeyField),
        is_count_(text.ends_with(kCountSuffix)),
        selector_(is_count_ ? text.substr(0, text.size() - kCountSuffix.size()) : text) {}

  const FieldSelector& selector() const { return selector_; }

  /// The 64 bits that an index keeps of it. Null: a damaged place.
  std::uint64_t value_of(const Sample* sample) {
    if (is_key_) return sample != nullptr ? key_hash(sample->key()) : 0;
    if (sample == nullptr) return std::bit_cast<std::uint64_t>(kNone);
    return std::bit_cast<std::uint64_t>(is_count_ ? count_of(*sample) : number_of(*sample));
  }

 private:
  double number_of(const Sample& sample) {
    const auto text = selector_.find(sample, scratch_);
    if (!text || !*text) return kNone;
    const auto* begin = reinterpret_cast<const char*>((*text)->data());
    const char* end = begin + (*text)->size();
    double number = 0;
    const auto [stop, error] = std::from_chars(begin, end, number);
    return error == std::errc() && stop == end ? number : kNone;
  }

  double count_of(const Sample& sample) {
    if (!selector_.find_all(sample, scratch_, texts_)) return kNone;
    return static_cast<double>(std::count_if(texts_.begin(), texts_.end(),
                                             [](auto text) { return !is_empty_text(text); }));
  }

  bool is_key_;
  bool is_count_;
  FieldSelector selector_;
  FieldSelector::Scratch scratch_;
  std::vector<std::span<const std::uint8_t>> texts_;
};

// Reads every sample once for all columns.
void read_metadata(const Shard& shard, std::span<const std::string> metadata,
                   IndexedShard& indexed) {
  std::vector<MetadataField> fields;
  fields.reserve(metadata.size());
  for (const std::string& field : metadata) {
    fields.emplace_back(field);
    indexed.columns.push_back({field, {}});
    indexed.columns.back().values.reserve(indexed.sample_offsets->size());
  }
  Sample sample;
  for (const std::uint64_t offset : *indexed.sample_offsets) {
    const bool readable = shard.read(offset, sample).has_value();
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      indexed.columns[i].values.push_back(fields[i].value_of(readable ? &sample : nullptr));
    }
  }
}

}  // namespace

Result<IndexedShard> walk_shard(const Shard& shard, std::span<const std::string> metadata) {
  auto index = shard.index();
  if (!index) return tl::unexpected<Error>(std::move(index.error()));
  IndexedShard indexed;
  indexed.name = shard.name();
  indexed.samples = index->sample_offsets.size();
  indexed.damaged = index->damaged;
  indexed.skipped = index->skipped;
  indexed.unpacked_bytes = shard.whole_unpacked_bytes();
  indexed.probe = shard_probe(shard.source().bytes(), index->sample_offsets);
  indexed.sample_offsets = std::move(index->sample_offsets);
  if (!metadata.empty()) read_metadata(shard, metadata, indexed);
  return indexed;
}

Result<IndexedShard> walk_shard(const std::string& path, std::span<const std::string> metadata,
                                const ReadOptions& read, const ShardOpener& open) {
  // Taken before the walk: a file that is written to meanwhile has another one afterwards, and is
  // walked again.
  const auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  ReadOptions only_metadata = read;
  only_metadata.fields.emplace();
  for (const std::string& field : metadata) {
    for (std::string& name : MetadataField(field).selector().fields()) {
      only_metadata.fields->push_back(std::move(name));
    }
  }
  const auto shard = open ? open(path) : open_shard(path, only_metadata);
  if (!shard) return tl::unexpected<Error>(shard.error());
  auto indexed = walk_shard(**shard, metadata);
  if (!indexed) return indexed;
  indexed->stamp = *stamp;
  const ByteSource& source = (*shard)->source();
  source.done_with(0, source.bytes().size());
  return indexed;
}

}  // namespace millrace
