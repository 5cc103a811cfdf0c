#include "millrace/formats/index/sample_index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "millrace/formats/index/crc32-inl.h"
#include "millrace/formats/index/little_endian-inl.h"

namespace millrace {

namespace {

using little_endian::append;
using little_endian::load;

constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'M', 'R', 'I', '\r', '\n', 0x1a, '\n'};
constexpr std::array<std::uint8_t, 8> kEndMagic = {'M', 'R', 'I', 'E', 'N', 'D', '\r', '\n'};
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kEntryBytes = 48;
constexpr std::size_t kTrailerBytes = 104;
constexpr std::uint64_t kMostShards = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint32_t kDamaged = 1;
constexpr std::uint32_t kSkipped = 2;
constexpr std::uint32_t kOffsetsKnown = 4;

// Positions in an entry.
constexpr std::size_t kEntryNameAt = 8;
constexpr std::size_t kEntryNameBytesAt = 16;
constexpr std::size_t kEntryFlagsAt = 20;
constexpr std::size_t kEntrySamplesAt = 24;
constexpr std::size_t kEntryShardBytesAt = 32;
constexpr std::size_t kEntryMtimeAt = 40;

// Positions in the trailer.
constexpr std::size_t kNamesLengthAt = 8;
constexpr std::size_t kShardsAt = 16;
constexpr std::size_t kTotalSamplesAt = 24;
constexpr std::size_t kTotalBytesAt = 32;
constexpr std::size_t kDamagedShardsAt = 40;
constexpr std::size_t kTotalSkippedAt = 48;
constexpr std::size_t kTableChecksumAt = 88;
constexpr std::size_t kTrailerChecksumAt = 92;
constexpr std::size_t kEndMagicAt = 96;

std::uint64_t to_eighths(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

bool has_skipped_any(const SkippedRecords& skipped) {
  return std::any_of(kSkippedCounters.begin(), kSkippedCounters.end(),
                     [&](auto counter) { return skipped.*counter > 0; });
}

}  // namespace

Result<std::shared_ptr<const SampleIndex>> SampleIndex::open(const std::string& path) {
  auto file = map_file(path);
  if (!file) return tl::unexpected<Error>(std::move(file.error()));
  return open(std::move(*file));
}

Result<std::shared_ptr<const SampleIndex>> SampleIndex::open(
    std::shared_ptr<const ByteSource> file) {
  std::shared_ptr<SampleIndex> index(new SampleIndex(std::move(file)));
  if (auto checked = index->check(); !checked) return tl::unexpected<Error>(checked.error());
  return index;
}

bool SampleIndex::is_index(const std::string& path) {
  // Opening a fifo would wait for its writer.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::array<char, kMagic.size()> begin{};
  std::ifstream file(path, std::ios::binary);
  return file.read(begin.data(), begin.size()) &&
         std::memcmp(begin.data(), kMagic.data(), kMagic.size()) == 0;
}

tl::unexpected<Error> SampleIndex::damaged_at(std::uint64_t position, std::string what) const {
  return tl::unexpected<Error>(
      Error{Reason::damaged_shard, std::move(what), std::string(file_->name()), position, {}});
}

Result<void> SampleIndex::check() {
  const std::span<const std::uint8_t> bytes = file_->bytes();
  if (bytes.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin())) {
    return damaged_at(0, "this is no sample index");
  }
  if (bytes.size() < kHeaderBytes + kTrailerBytes) {
    return damaged_at(bytes.size(), "the sample index is cut short");
  }
  if (crc32_of(bytes.first(12)) != load<std::uint32_t>(bytes.data() + 12)) {
    return damaged_at(0, "the checksum of the sample index's header does not match");
  }
  if (const auto version = load<std::uint32_t>(bytes.data() + 8); version != kVersion) {
    return damaged_at(8, "a sample index of version " + std::to_string(version) +
                             "; this millrace reads version " + std::to_string(kVersion) +
                             ": make it anew with millrace index --force");
  }
  trailer_at_ = bytes.size() - kTrailerBytes;
  const std::uint8_t* trailer = bytes.data() + trailer_at_;
  if (!std::equal(kEndMagic.begin(), kEndMagic.end(), trailer + kEndMagicAt)) {
    return damaged_at(trailer_at_, "the sample index has no end: it is cut short or unfinished");
  }
  if (crc32_of({trailer, kTrailerChecksumAt}) !=
      load<std::uint32_t>(trailer + kTrailerChecksumAt)) {
    return damaged_at(trailer_at_, "the checksum of the sample index's trailer does not match");
  }
  const auto names_at = load<std::uint64_t>(trailer);
  const auto names_bytes = load<std::uint64_t>(trailer + kNamesLengthAt);
  const auto shards = load<std::uint64_t>(trailer + kShardsAt);
  if (names_at < kHeaderBytes || names_at > trailer_at_ || names_at % 8 != 0 ||
      names_bytes > trailer_at_ - names_at || names_bytes % 8 != 0 || shards > kMostShards ||
      shards * kEntryBytes + to_eighths(shards * 4) != trailer_at_ - names_at - names_bytes) {
    return damaged_at(trailer_at_, "the lengths in the sample index's trailer are not the file's");
  }
  names_at_ = static_cast<std::size_t>(names_at);
  entries_at_ = static_cast<std::size_t>(names_at + names_bytes);
  shards_ = static_cast<std::size_t>(shards);
  order_at_ = entries_at_ + shards_ * kEntryBytes;
  if (crc32_of(bytes.subspan(names_at_, trailer_at_ - names_at_)) !=
      load<std::uint32_t>(trailer + kTableChecksumAt)) {
    return damaged_at(names_at_, "the checksum of the sample index's table does not match");
  }
  const std::string_view path = file_->name();
  folder_ = path.substr(0, path.rfind('/') + 1);
  return check_entries();
}

Result<void> SampleIndex::check_entries() const {
  std::uint64_t samples_sum = 0;
  for (std::size_t i = 0; i < shards_; ++i) {
    const std::uint8_t* at = entry(i);
    const auto block_at = load<std::uint64_t>(at);
    const auto name_at = load<std::uint64_t>(at + kEntryNameAt);
    const auto name_bytes = load<std::uint32_t>(at + kEntryNameBytesAt);
    const auto samples = load<std::uint64_t>(at + kEntrySamplesAt);
    const std::uint64_t names_bytes = entries_at_ - names_at_;
    const bool valid = block_at >= kHeaderBytes && block_at < names_at_ && block_at % 8 == 0 &&
                       name_bytes > 0 && name_at <= names_bytes &&
                       name_bytes <= names_bytes - name_at &&
                       samples <= std::numeric_limits<std::uint64_t>::max() - samples_sum;
    if (!valid) {
      return damaged_at(entries_at_ + i * kEntryBytes,
                        "entry " + std::to_string(i) + " of the sample index cannot be");
    }
    samples_sum += samples;
  }
  if (samples_sum != total_samples()) {
    return damaged_at(trailer_at_, "the sample index's sum of samples is not that of its shards");
  }
  return {};
}

const std::uint8_t* SampleIndex::entry(std::size_t shard) const {
  return file_->bytes().data() + entries_at_ + shard * kEntryBytes;
}

std::uint32_t SampleIndex::flags(std::size_t shard) const {
  return load<std::uint32_t>(entry(shard) + kEntryFlagsAt);
}

std::string_view SampleIndex::name(std::size_t shard) const {
  const std::uint8_t* at = entry(shard);
  const auto* names = reinterpret_cast<const char*>(file_->bytes().data()) + names_at_;
  return {names + load<std::uint64_t>(at + kEntryNameAt),
          load<std::uint32_t>(at + kEntryNameBytesAt)};
}

std::string SampleIndex::path(std::size_t shard) const {
  const std::string_view own = name(shard);
  return own.front() == '/' ? std::string(own) : folder_ + std::string(own);
}

std::uint64_t SampleIndex::samples(std::size_t shard) const {
  return load<std::uint64_t>(entry(shard) + kEntrySamplesAt);
}

FileStamp SampleIndex::stamp(std::size_t shard) const {
  const std::uint8_t* at = entry(shard);
  return {load<std::uint64_t>(at + kEntryShardBytesAt),
          static_cast<std::int64_t>(load<std::uint64_t>(at + kEntryMtimeAt))};
}

std::optional<std::size_t> SampleIndex::find(std::string_view wanted) const {
  const auto at = [&](std::size_t place) -> std::size_t {
    return load<std::uint32_t>(file_->bytes().data() + order_at_ + 4 * place);
  };
  std::size_t begin = 0;
  for (std::size_t length = shards_; length > 0;) {
    const std::size_t half = length / 2;
    const std::size_t shard = at(begin + half);
    if (shard >= shards_) return std::nullopt;
    if (name(shard) < wanted) {
      begin += half + 1;
      length -= half + 1;
    } else {
      length = half;
    }
  }
  if (begin == shards_) return std::nullopt;
  const std::size_t shard = at(begin);
  return shard < shards_ && name(shard) == wanted ? std::optional(shard) : std::nullopt;
}

Result<IndexBlock> SampleIndex::block(std::size_t shard) const {
  if (auto unchanged = file_->check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  const auto position = load<std::uint64_t>(entry(shard));
  auto block = IndexBlock::parse(file_->bytes().subspan(
      static_cast<std::size_t>(position), names_at_ - static_cast<std::size_t>(position)));
  if (!block) return damaged_at(position, std::move(block.error().message));
  if (block->name() != name(shard) || block->samples() != samples(shard) ||
      block->stamp() != stamp(shard) || block->knows_offsets() != knows_offsets(shard) ||
      block->unpacked_bytes() != unpacked_bytes(shard)) {
    return damaged_at(position, "the block is not the one of \"" + std::string(name(shard)) + "\"");
  }
  return block;
}

std::uint64_t SampleIndex::total_samples() const {
  return load<std::uint64_t>(file_->bytes().data() + trailer_at_ + kTotalSamplesAt);
}
std::uint64_t SampleIndex::total_bytes() const {
  return load<std::uint64_t>(file_->bytes().data() + trailer_at_ + kTotalBytesAt);
}
std::uint64_t SampleIndex::damaged_shards() const {
  return load<std::uint64_t>(file_->bytes().data() + trailer_at_ + kDamagedShardsAt);
}
SkippedRecords SampleIndex::skipped() const {
  SkippedRecords skipped;
  const std::uint8_t* at = file_->bytes().data() + trailer_at_ + kTotalSkippedAt;
  for (const auto counter : kSkippedCounters) {
    skipped.*counter = load<std::uint64_t>(at);
    at += 8;
  }
  return skipped;
}

std::vector<std::uint8_t> IndexLayout::header() {
  std::vector<std::uint8_t> bytes(kMagic.begin(), kMagic.end());
  append<std::uint32_t>(bytes, kVersion);
  append<std::uint32_t>(bytes, crc32_of(bytes));
  return bytes;
}

std::size_t IndexLayout::add_block(std::uint64_t position, const IndexBlock& block) {
  blocks_.push_back({position, std::string(block.name()), block.stamp(), block.samples(),
                     block.damaged(), block.skipped(), block.knows_offsets(),
                     block.unpacked_bytes()});
  return blocks_.size() - 1;
}

std::vector<std::uint32_t> IndexLayout::order() const {
  std::vector<std::uint32_t> order(shards_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (shards_[a] == shards_[b]) return a < b;
    const int compared = blocks_[shards_[a]].name.compare(blocks_[shards_[b]].name);
    return compared != 0 ? compared < 0 : a < b;
  });
  return order;
}

std::vector<std::uint8_t> IndexLayout::end(std::uint64_t position) const {
  if (shards_.size() > kMostShards) {
    throw std::invalid_argument("a sample index holds at most 4294967295 shards");
  }
  std::vector<std::uint8_t> table;
  std::vector<std::uint64_t> names_at(blocks_.size());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    names_at[i] = table.size();
    table.insert(table.end(), blocks_[i].name.begin(), blocks_[i].name.end());
  }
  table.resize(to_eighths(table.size()));
  const std::uint64_t names_bytes = table.size();
  table.reserve(table.size() + shards_.size() * (kEntryBytes + 4) + kTrailerBytes + 8);

  std::uint64_t samples_sum = 0;
  std::uint64_t bytes_sum = 0;
  std::uint64_t damaged_shards = 0;
  SkippedRecords skipped_sum;
  for (const std::size_t number : shards_) {
    const Block& block = blocks_[number];
    const std::uint32_t flags = (block.damaged > 0 ? kDamaged : 0) |
                                (has_skipped_any(block.skipped) ? kSkipped : 0) |
                                (block.knows_offsets ? kOffsetsKnown : 0) |
                                static_cast<std::uint32_t>(block.unpacked_bytes >> 20U << 8U);
    append<std::uint64_t>(table, block.position);
    append<std::uint64_t>(table, names_at[number]);
    append<std::uint32_t>(table, static_cast<std::uint32_t>(block.name.size()));
    append<std::uint32_t>(table, flags);
    append<std::uint64_t>(table, block.samples);
    append<std::uint64_t>(table, block.stamp.bytes);
    append<std::uint64_t>(table, static_cast<std::uint64_t>(block.stamp.mtime_ns));
    samples_sum += block.samples;
    bytes_sum += block.unpacked_bytes > 0 ? block.unpacked_bytes : block.stamp.bytes;
    damaged_shards += block.damaged > 0 ? 1 : 0;
    add_skipped(skipped_sum, block.skipped);
  }
  for (const std::uint32_t shard : order()) append<std::uint32_t>(table, shard);
  table.resize(to_eighths(table.size()));
  const std::uint32_t table_checksum = crc32_of(table);

  const std::size_t trailer_at = table.size();
  append<std::uint64_t>(table, position);
  append<std::uint64_t>(table, names_bytes);
  append<std::uint64_t>(table, shards_.size());
  append<std::uint64_t>(table, samples_sum);
  append<std::uint64_t>(table, bytes_sum);
  append<std::uint64_t>(table, damaged_shards);
  for (const auto counter : kSkippedCounters) append<std::uint64_t>(table, skipped_sum.*counter);
  append<std::uint32_t>(table, table_checksum);
  append<std::uint32_t>(table, crc32_of(std::span(table).subspan(trailer_at)));
  table.insert(table.end(), kEndMagic.begin(), kEndMagic.end());
  return table;
}

WholeBlocks whole_blocks(std::span<const std::uint8_t> file) {
  WholeBlocks whole;
  const std::vector<std::uint8_t> header = IndexLayout::header();
  if (file.size() < header.size() || !std::equal(header.begin(), header.end(), file.begin())) {
    return whole;
  }
  std::size_t at = header.size();
  while (true) {
    auto block = IndexBlock::parse(file.subspan(at));
    if (!block) break;
    at += block->bytes().size();
    whole.blocks.push_back(std::move(*block));
  }
  whole.end_bytes = at;
  return whole;
}

}  // namespace millrace
