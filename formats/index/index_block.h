#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// By what an index recognises a file: both survive `rsync -t`, `cp -p` and tar.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t mtime_ns = 0;  ///< since 1970-01-01 UTC
  bool operator==(const FileStamp&) const = default;
};

/// The stamp of a shard's file or folder. Errors: io_error with the path and the system's reason.
Result<FileStamp> file_stamp(const std::string& path);

/// All that an index knows of one shard, decoded.
struct IndexedShard {
  /// 64 bits of every sample, in the order of the offsets: of a number its IEEE 754 double, NaN
  /// where there is none; of `__key__` the key_hash().
  struct Column {
    std::string field;
    std::vector<std::uint64_t> values;
  };

  std::string name;
  FileStamp stamp;
  std::uint64_t samples = 0;  ///< damaged places included
  std::uint64_t damaged = 0;
  SkippedRecords skipped;
  std::uint32_t probe = 0;  ///< shard_probe()
  /// Shard::whole_unpacked_bytes, which is kept in MiB, rounded up.
  std::uint64_t unpacked_bytes = 0;
  /// Empty optional: only the number of samples is known, from the file `counted_by`.
  std::optional<std::vector<std::uint64_t>> sample_offsets;
  std::string counted_by;
  std::vector<Column> columns;
  /// Some of the columns is of image files besides the shard, of which its stamp says nothing: true
  /// now, and not to be kept.
  bool is_of_other_files = false;
};

/// The block of an index file that says this; see sample_index.h for the layout. Throws
/// std::invalid_argument if the offsets do not rise, or if counts and lengths contradict.
std::vector<std::uint8_t> encode_block(const IndexedShard& shard);

/// A block, checked and not copied: views into the bytes it was parsed from.
class IndexBlock {
 public:
  static constexpr std::size_t kHeadBytes = 120;

  /// The block that begins at the first of `bytes`; more may follow it.
  /// Errors: damaged_shard, saying what is wrong and at which byte of the block.
  static Result<IndexBlock> parse(std::span<const std::uint8_t> bytes);

  std::span<const std::uint8_t> bytes() const { return bytes_; }
  std::string_view name() const { return name_; }
  FileStamp stamp() const;
  std::uint64_t samples() const;
  std::uint64_t damaged() const;
  SkippedRecords skipped() const;
  std::uint32_t probe() const;
  std::uint64_t unpacked_bytes() const;
  bool knows_offsets() const { return offset_unit_ > 0; }
  std::string_view counted_by() const { return counted_by_; }
  std::size_t columns() const { return columns_.size(); }
  bool has_column(std::string_view field) const { return find_column(field) != nullptr; }

  /// Errors: damaged_shard. knows_offsets() must hold.
  Result<std::vector<std::uint64_t>> sample_offsets() const;
  /// The 64 bits of every sample; nothing if the block has no such column.
  std::optional<std::vector<std::uint64_t>> column(std::string_view field) const;
  /// Errors: damaged_shard.
  Result<IndexedShard> decode() const;

 private:
  struct Column {
    std::string_view field;
    std::span<const std::uint8_t> values;
  };
  const Column* find_column(std::string_view field) const;

  std::span<const std::uint8_t> bytes_;
  std::string_view name_;
  std::string_view counted_by_;
  std::uint32_t offset_unit_ = 0;
  std::span<const std::uint8_t> offsets_;
  std::vector<Column> columns_;
};

/// A checksum over the first 512 bytes of a shard and the 512 at its last sample: cheap, and
/// different for nearly every pair of files that happen to share size and modification time.
std::uint32_t shard_probe(std::span<const std::uint8_t> shard,
                          std::span<const std::uint64_t> sample_offsets);

/// The counters in the order in which an index has them.
inline constexpr std::array kSkippedCounters = {
    &SkippedRecords::not_files, &SkippedRecords::meta_members, &SkippedRecords::apple_members,
    &SkippedRecords::without_extension, &SkippedRecords::duplicate_fields};

/// `more` added to `sum`, counter by counter.
void add_skipped(SkippedRecords& sum, const SkippedRecords& more);

}  // namespace millrace
