#include "millrace/formats/shard_walk.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/shard_catalog.h"

namespace millrace {

namespace {

constexpr std::string_view kKeyField = "__key__";

double number_of(const Sample& sample, const FieldSelector& selector,
                 FieldSelector::Scratch& scratch) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto text = selector.select(sample, scratch);
  if (!text) return kNone;
  const auto* begin = reinterpret_cast<const char*>(text->data());
  const char* end = begin + text->size();
  double number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  return error == std::errc() && stop == end ? number : kNone;
}

// Reads every sample once for all columns.
void read_metadata(const Shard& shard, std::span<const std::string> metadata,
                   IndexedShard& indexed) {
  std::vector<FieldSelector> selectors;
  selectors.reserve(metadata.size());
  for (const std::string& field : metadata) {
    selectors.emplace_back(field);
    indexed.columns.push_back({field, {}});
    indexed.columns.back().values.reserve(indexed.sample_offsets->size());
  }
  FieldSelector::Scratch scratch;
  Sample sample;
  for (const std::uint64_t offset : *indexed.sample_offsets) {
    const bool readable = shard.read(offset, sample).has_value();
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      std::uint64_t value = 0;
      if (metadata[i] == kKeyField) {
        value = readable ? key_hash(sample.key()) : 0;
      } else {
        value = std::bit_cast<std::uint64_t>(readable ? number_of(sample, selectors[i], scratch)
                                                      : std::numeric_limits<double>::quiet_NaN());
      }
      indexed.columns[i].values.push_back(value);
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
  indexed.unpacked_bytes = shard.unpacked_bytes();
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
  only_metadata.fields = FieldSelector::fields_of(metadata);
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
