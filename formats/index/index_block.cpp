#include "millrace/formats/index/index_block.h"

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <utility>

#include "millrace/formats/index/crc32-inl.h"
#include "millrace/formats/index/little_endian-inl.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard_listing.h"

namespace millrace {

namespace {

using little_endian::append;
using little_endian::load;
using little_endian::store;

constexpr std::uint32_t kTag = 0x44524853;  // "SHRD"
constexpr std::size_t kBlockChecksumAt = 4;
constexpr std::size_t kCheckedFrom = 8;
constexpr std::size_t kBlockLengthAt = 8;
constexpr std::size_t kBlockShardBytesAt = 16;
constexpr std::size_t kBlockMtimeAt = 24;
constexpr std::size_t kBlockSamplesAt = 32;
constexpr std::size_t kBlockDamagedAt = 40;
constexpr std::size_t kBlockSkippedAt = 48;
constexpr std::size_t kBlockProbeAt = 88;
constexpr std::size_t kBlockOffsetUnitAt = 92;
constexpr std::size_t kBlockNameBytesAt = 96;
constexpr std::size_t kBlockCountedByBytesAt = 100;
constexpr std::size_t kBlockColumnsAt = 104;
constexpr std::size_t kBlockUnpackedAt = 108;
constexpr std::size_t kBlockOffsetsBytesAt = 112;

// Offsets in a tar are multiples of this; the distances are stored in it where all are.
constexpr std::uint64_t kTarUnit = 512;
constexpr std::size_t kProbedBytes = 512;
constexpr unsigned kMebibyteBits = 20;
constexpr std::uint64_t kMostMebibytes = (std::uint64_t{1} << 24) - 1;  // an entry has 24 bits
constexpr std::uint64_t kLargestOffset = std::uint64_t{1} << 62;

std::size_t to_next_eighth(std::size_t bytes) { return (8 - bytes % 8) % 8; }

// LEB128.
void append_varint(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// One LEB128 number of at most 64 bits; false where there is none.
bool take_varint(std::span<const std::uint8_t>& bytes, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const std::uint64_t part = bytes[i] & 0x7f;
    if (i == 9 && part > 1) return false;
    value |= part << (7 * i);
    if (bytes[i] < 0x80) {
      bytes = bytes.subspan(i + 1);
      return true;
    }
  }
  return false;
}

std::uint32_t mebibytes(std::uint64_t bytes) {
  const std::uint64_t rounded_up =
      (bytes + (std::uint64_t{1} << kMebibyteBits) - 1) >> kMebibyteBits;
  return static_cast<std::uint32_t>(std::min(rounded_up, kMostMebibytes));
}

std::uint32_t short_length(std::size_t length, const char* of_what) {
  if (length > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument(std::string(of_what) + " is too long for a sample index");
  }
  return static_cast<std::uint32_t>(length);
}

void append_text(std::vector<std::uint8_t>& bytes, std::string_view text) {
  const std::size_t at = bytes.size();
  bytes.resize(at + text.size());  // at -O3 GCC 12 takes an insert for one out of bounds
  std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void check(const IndexedShard& shard) {
  const auto require = [&](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument("sample index of " + shard.name + ": " + what);
  };
  require(!shard.name.empty(), "no name");
  require(shard.damaged <= shard.samples, "more damaged places than samples");
  if (shard.sample_offsets) {
    const std::vector<std::uint64_t>& offsets = *shard.sample_offsets;
    require(offsets.size() == shard.samples, "as many offsets as samples are needed");
    require(std::is_sorted(offsets.begin(), offsets.end()), "offsets that do not rise");
  } else {
    require(shard.columns.empty(), "metadata without offsets");
  }
  for (const IndexedShard::Column& column : shard.columns) {
    require(column.values.size() == shard.samples, "as many metadata values as samples are needed");
  }
}

tl::unexpected<Error> damaged_at(std::size_t at, const std::string& what) {
  return fail(Reason::damaged_shard,
              "damaged block of a sample index, byte " + std::to_string(at) + ": " + what);
}

// What is left of a block, handed out from the front.
class Remainder {
 public:
  Remainder(std::span<const std::uint8_t> block, std::size_t at) : block_(block), at_(at) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return block_.size() - at_; }
  // Nothing if there are fewer.
  std::optional<std::span<const std::uint8_t>> take(std::uint64_t bytes) {
    if (bytes > left()) return std::nullopt;
    const auto taken = block_.subspan(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }

 private:
  std::span<const std::uint8_t> block_;
  std::size_t at_;
};

std::vector<std::uint64_t> load_values(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint64_t> values(bytes.size() / 8);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = load<std::uint64_t>(bytes.data() + 8 * i);
  }
  return values;
}

}  // namespace

Result<FileStamp> file_stamp(const std::string& path) {
  struct stat status = {};
  if (::stat(shard_file(path).c_str(), &status) != 0) {
    return system_failure(path, "cannot stat", errno);
  }
  return FileStamp{static_cast<std::uint64_t>(status.st_size),
                   static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
                       static_cast<std::int64_t>(status.st_mtim.tv_nsec)};
}

std::vector<std::uint8_t> encode_block(const IndexedShard& shard) {
  check(shard);
  std::vector<std::uint8_t> block(IndexBlock::kHeadBytes);
  append_text(block, shard.name);
  append_text(block, shard.counted_by);
  for (const IndexedShard::Column& column : shard.columns) {
    append<std::uint32_t>(block, short_length(column.field.size(), "a field's name"));
    append_text(block, column.field);
  }
  std::uint64_t unit = 0;
  const std::size_t offsets_begin = block.size();
  if (shard.sample_offsets) {
    const std::vector<std::uint64_t>& offsets = *shard.sample_offsets;
    const bool in_tar_units = std::all_of(offsets.begin(), offsets.end(),
                                          [](std::uint64_t at) { return at % kTarUnit == 0; });
    unit = in_tar_units ? kTarUnit : 1;
    std::uint64_t before = 0;
    for (const std::uint64_t offset : offsets) {
      append_varint(block, (offset - before) / unit);
      before = offset;
    }
  }
  const std::size_t offsets_bytes = block.size() - offsets_begin;
  block.resize(block.size() + to_next_eighth(block.size()));
  for (const IndexedShard::Column& column : shard.columns) {
    for (const std::uint64_t value : column.values) append<std::uint64_t>(block, value);
  }

  std::uint8_t* head = block.data();
  store<std::uint32_t>(head, kTag);
  store<std::uint64_t>(head + kBlockLengthAt, block.size());
  store<std::uint64_t>(head + kBlockShardBytesAt, shard.stamp.bytes);
  store<std::uint64_t>(head + kBlockMtimeAt, static_cast<std::uint64_t>(shard.stamp.mtime_ns));
  store<std::uint64_t>(head + kBlockSamplesAt, shard.samples);
  store<std::uint64_t>(head + kBlockDamagedAt, shard.damaged);
  for (std::size_t i = 0; i < kSkippedCounters.size(); ++i) {
    store<std::uint64_t>(head + kBlockSkippedAt + 8 * i, shard.skipped.*kSkippedCounters[i]);
  }
  store<std::uint32_t>(head + kBlockProbeAt, shard.probe);
  store<std::uint32_t>(head + kBlockOffsetUnitAt, static_cast<std::uint32_t>(unit));
  store<std::uint32_t>(head + kBlockNameBytesAt, short_length(shard.name.size(), "a shard's name"));
  store<std::uint32_t>(head + kBlockCountedByBytesAt,
                       short_length(shard.counted_by.size(), "a file's name"));
  store<std::uint32_t>(head + kBlockColumnsAt, short_length(shard.columns.size(), "the metadata"));
  store<std::uint32_t>(head + kBlockUnpackedAt, mebibytes(shard.unpacked_bytes));
  store<std::uint64_t>(head + kBlockOffsetsBytesAt, offsets_bytes);
  store<std::uint32_t>(head + kBlockChecksumAt, crc32_of(std::span(block).subspan(kCheckedFrom)));
  return block;
}

Result<IndexBlock> IndexBlock::parse(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kHeadBytes) return damaged_at(bytes.size(), "it is cut short");
  if (load<std::uint32_t>(bytes.data()) != kTag) return damaged_at(0, "no block begins here");
  const auto block_bytes = load<std::uint64_t>(bytes.data() + kBlockLengthAt);
  if (block_bytes < kHeadBytes || block_bytes > bytes.size() || block_bytes % 8 != 0) {
    return damaged_at(kBlockLengthAt, "its length cannot be " + std::to_string(block_bytes));
  }
  IndexBlock block;
  block.bytes_ = bytes.first(static_cast<std::size_t>(block_bytes));
  const std::uint8_t* head = block.bytes_.data();
  if (crc32_of(block.bytes_.subspan(kCheckedFrom)) !=
      load<std::uint32_t>(head + kBlockChecksumAt)) {
    return damaged_at(kBlockChecksumAt, "the checksum does not match");
  }

  Remainder rest(block.bytes_, kHeadBytes);
  const auto name = rest.take(load<std::uint32_t>(head + kBlockNameBytesAt));
  if (!name || name->empty()) return damaged_at(kBlockNameBytesAt, "no such length of the name");
  block.name_ = as_text(*name);
  const auto counted_by = rest.take(load<std::uint32_t>(head + kBlockCountedByBytesAt));
  if (!counted_by) return damaged_at(kBlockCountedByBytesAt, "no such length of a file's name");
  block.counted_by_ = as_text(*counted_by);

  const auto columns = load<std::uint32_t>(head + kBlockColumnsAt);
  if (columns > rest.left() / sizeof(std::uint32_t)) {
    return damaged_at(kBlockColumnsAt, "too many metadata columns");
  }
  block.columns_.resize(columns);
  for (Column& column : block.columns_) {
    const auto length = rest.take(sizeof(std::uint32_t));
    const auto field = length ? rest.take(load<std::uint32_t>(length->data())) : std::nullopt;
    if (!field) return damaged_at(rest.at(), "the name of a metadata column is cut short");
    column.field = as_text(*field);
  }

  const std::uint64_t samples = block.samples();
  if (block.damaged() > samples)
    return damaged_at(kBlockDamagedAt, "more damaged places than samples");
  block.offset_unit_ = load<std::uint32_t>(head + kBlockOffsetUnitAt);
  const auto offsets = rest.take(load<std::uint64_t>(head + kBlockOffsetsBytesAt));
  if (!offsets) return damaged_at(kBlockOffsetsBytesAt, "no such length of the offsets");
  block.offsets_ = *offsets;
  // Every offset takes at least a byte: no number of samples can make a reader allocate more than
  // the block is long.
  const bool consistent = block.offset_unit_ > 0 ? samples <= offsets->size()
                                                 : offsets->empty() && block.columns_.empty();
  if (!consistent)
    return damaged_at(kBlockSamplesAt, "the number of samples is not that of offsets");
  if (!rest.take(to_next_eighth(rest.at()))) return damaged_at(rest.at(), "it is cut short");
  for (Column& column : block.columns_) {
    const auto values = rest.take(8 * samples);  // samples <= offsets->size(): no overflow
    if (!values) return damaged_at(rest.at(), "the metadata is cut short");
    column.values = *values;
  }
  if (rest.left() != 0) return damaged_at(rest.at(), "there is more than its lengths say");
  return block;
}

FileStamp IndexBlock::stamp() const {
  return {load<std::uint64_t>(bytes_.data() + kBlockShardBytesAt),
          static_cast<std::int64_t>(load<std::uint64_t>(bytes_.data() + kBlockMtimeAt))};
}
std::uint64_t IndexBlock::samples() const {
  return load<std::uint64_t>(bytes_.data() + kBlockSamplesAt);
}
std::uint64_t IndexBlock::damaged() const {
  return load<std::uint64_t>(bytes_.data() + kBlockDamagedAt);
}
std::uint32_t IndexBlock::probe() const {
  return load<std::uint32_t>(bytes_.data() + kBlockProbeAt);
}
std::uint64_t IndexBlock::unpacked_bytes() const {
  return std::uint64_t{load<std::uint32_t>(bytes_.data() + kBlockUnpackedAt)} << kMebibyteBits;
}

SkippedRecords IndexBlock::skipped() const {
  SkippedRecords skipped;
  for (std::size_t i = 0; i < kSkippedCounters.size(); ++i) {
    skipped.*kSkippedCounters[i] = load<std::uint64_t>(bytes_.data() + kBlockSkippedAt + 8 * i);
  }
  return skipped;
}

const IndexBlock::Column* IndexBlock::find_column(std::string_view field) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [&](const Column& column) { return column.field == field; });
  return found == columns_.end() ? nullptr : &*found;
}

Result<std::vector<std::uint64_t>> IndexBlock::sample_offsets() const {
  std::vector<std::uint64_t> offsets(static_cast<std::size_t>(samples()));
  std::span<const std::uint8_t> rest = offsets_;
  std::uint64_t offset = 0;
  for (std::uint64_t& target : offsets) {
    std::uint64_t distance = 0;
    if (!take_varint(rest, distance) || distance > (kLargestOffset - offset) / offset_unit_) {
      return damaged_at(static_cast<std::size_t>(rest.data() - bytes_.data()), "no offset");
    }
    offset += distance * offset_unit_;
    target = offset;
  }
  if (!rest.empty()) {
    return damaged_at(static_cast<std::size_t>(rest.data() - bytes_.data()),
                      "more offsets than samples");
  }
  return offsets;
}

std::optional<std::vector<std::uint64_t>> IndexBlock::column(std::string_view field) const {
  const Column* found = find_column(field);
  if (found == nullptr) return std::nullopt;
  return load_values(found->values);
}

Result<IndexedShard> IndexBlock::decode() const {
  IndexedShard shard;
  shard.name = name_;
  shard.stamp = stamp();
  shard.samples = samples();
  shard.damaged = damaged();
  shard.skipped = skipped();
  shard.probe = probe();
  shard.unpacked_bytes = unpacked_bytes();
  shard.counted_by = counted_by_;
  if (knows_offsets()) {
    auto offsets = sample_offsets();
    if (!offsets) return tl::unexpected<Error>(std::move(offsets.error()));
    shard.sample_offsets = std::move(*offsets);
  }
  for (const Column& column : columns_) {
    shard.columns.push_back({std::string(column.field), load_values(column.values)});
  }
  return shard;
}

std::uint32_t shard_probe(std::span<const std::uint8_t> shard,
                          std::span<const std::uint64_t> sample_offsets) {
  const std::uint32_t first = crc32_of(shard.first(std::min(shard.size(), kProbedBytes)));
  if (sample_offsets.empty() || sample_offsets.back() >= shard.size()) return first;
  const auto last = shard.subspan(static_cast<std::size_t>(sample_offsets.back()));
  return crc32_of(last.first(std::min(last.size(), kProbedBytes)), first);
}

void add_skipped(SkippedRecords& sum, const SkippedRecords& more) {
  for (const auto counter : kSkippedCounters) sum.*counter += more.*counter;
}

}  // namespace millrace
