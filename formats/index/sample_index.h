#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/index/index_block.h"
#include "millrace/result/result.h"

namespace millrace {

/// The name that an index has in the folder of its shards.
inline constexpr std::string_view kIndexFileName = "millrace.index";

/// A finished sample index, mapped: a list of shards in order, with what is known of each.
/// Immutable and thread-safe. Opening checks all but the blocks and touches none of them; a block
/// is checked when it is fetched. Like any mapped file an index must be replaced (renamed over),
/// never written to or cut while it is in use; the writers here do so.
///
/// The file, version 2. Integers are unsigned and little-endian, checksums are zlib's crc32;
/// everything begins at a multiple of 8 bytes, gaps are zeros.
///
///     index   = header block* names entry{shards} order trailer
///     partial = header block*                    an interrupted making: NAME.partial
///
///     header  = 89 "MRI" 0D 0A 1A 0A, u32 version = 2, u32 checksum of the 12 bytes before
///
///     block   =   0  "SHRD"
///                 4  u32 checksum of the block from byte 8 on
///                 8  u64 length of the block
///                16  u64 the shard's length
///                24  i64 its modification time, ns since 1970
///                32  u64 number of samples, damaged places included
///                40  u64 damaged places
///                48  u64{5} skipped: no files, meta members, Apple members, names without
///                    extension, duplicate fields
///                88  u32 probe: checksum of the shard's first 512 bytes and of the 512 from its
///                    last sample on (fewer where the shard ends); 0 where no offsets are known
///                92  u32 unit of the offsets in bytes; 0: only the count is known
///                96  u32 length of the name, 100 u32 length of counted_by, 104 u32 columns,
///               108  u32 MiB that the shard takes unpacked, 0: it is mapped; less than 2^24
///               112  u64 length of the offsets
///               120  name            the shard's path, relative to the folder of the index or
///                                    absolute
///                    counted_by      the file that the count is from, where no offsets are known
///                    (u32 length, field){columns}
///                    LEB128{samples} the distance of each sample from the one before (the first:
///                                    from 0), in units
///                    zeros to a multiple of 8
///                    u64{samples}{columns}   number fields: IEEE 754 double, NaN = none;
///                                    `__key__`: key_hash(), 0 = none
///
///     names   = the names of the shards, in one piece, then zeros
///     entry   = u64 position of its block, u64 position of its name in names, u32 length of the
///               name, u32 flags (1 damaged, 2 something skipped, 4 offsets known; from bit 8 on
///               the MiB it takes unpacked), u64 samples, u64 the shard's length, i64 its
///               modification time; several entries may share a block
///     order   = u32{shards}, then zeros: the entries sorted by name, those of one name by number
///     trailer = u64 position of names, u64 length of names, u64 shards, u64 sum of the samples,
///               u64 sum of the lengths (unpacked where they are), u64 damaged shards, u64{5} sums
///               of the skipped, u32 checksum from names to order, u32 checksum of the trailer
///               before this field, "MRIEND" 0D 0A
///
/// Blocks that no entry names are passed over.
class SampleIndex {
 public:
  /// Errors: io_error; damaged_shard (with the index as the error's shard) if this is none, is
  /// damaged, or of another version.
  static Result<std::shared_ptr<const SampleIndex>> open(const std::string& path);
  static Result<std::shared_ptr<const SampleIndex>> open(std::shared_ptr<const ByteSource> file);

  /// Whether the file begins like an index. false where it cannot be read.
  static bool is_index(const std::string& path);

  std::string_view file() const { return file_->name(); }
  std::size_t shards() const { return shards_; }
  std::string_view name(std::size_t shard) const;
  /// The shard's path as seen from the folder that the index lies in.
  std::string path(std::size_t shard) const;
  std::uint64_t samples(std::size_t shard) const;
  FileStamp stamp(std::size_t shard) const;
  bool is_damaged(std::size_t shard) const { return (flags(shard) & 1U) != 0; }
  bool has_skipped(std::size_t shard) const { return (flags(shard) & 2U) != 0; }
  bool knows_offsets(std::size_t shard) const { return (flags(shard) & 4U) != 0; }
  std::uint64_t unpacked_bytes(std::size_t shard) const {
    return std::uint64_t{flags(shard) >> 8U} << 20U;
  }

  /// The first shard of that name, in O(log n).
  std::optional<std::size_t> find(std::string_view name) const;
  /// Valid while the index lives. Errors: damaged_shard, io_error (the file was cut), naming the
  /// index and the place.
  Result<IndexBlock> block(std::size_t shard) const;

  std::uint64_t total_samples() const;
  std::uint64_t total_bytes() const;
  std::uint64_t damaged_shards() const;
  SkippedRecords skipped() const;

 private:
  explicit SampleIndex(std::shared_ptr<const ByteSource> file) : file_(std::move(file)) {}
  Result<void> check();
  Result<void> check_entries() const;
  const std::uint8_t* entry(std::size_t shard) const;
  std::uint32_t flags(std::size_t shard) const;
  tl::unexpected<Error> damaged_at(std::uint64_t position, std::string what) const;

  std::shared_ptr<const ByteSource> file_;
  std::string folder_;  // with its slash; empty: the current one
  std::size_t shards_ = 0;
  std::size_t names_at_ = 0;
  std::size_t entries_at_ = 0;
  std::size_t order_at_ = 0;
  std::size_t trailer_at_ = 0;
};

/// The bytes of an index file, in the order they are written.
class IndexLayout {
 public:
  static std::vector<std::uint8_t> header();

  /// A block lies at `position`; returns its number.
  std::size_t add_block(std::uint64_t position, const IndexBlock& block);
  /// The next shard of the list is described by that block; a block may serve many.
  void add_shard(std::size_t block) { shards_.push_back(block); }
  std::size_t shards() const { return shards_.size(); }
  /// What follows the blocks, which end at `position`.
  std::vector<std::uint8_t> end(std::uint64_t position) const;

 private:
  struct Block {
    std::uint64_t position = 0;
    std::string name;
    FileStamp stamp;
    std::uint64_t samples = 0;
    std::uint64_t damaged = 0;
    SkippedRecords skipped;
    bool knows_offsets = false;
    std::uint64_t unpacked_bytes = 0;
  };
  std::vector<std::uint32_t> order() const;

  std::vector<Block> blocks_;
  std::vector<std::size_t> shards_;
};

/// The blocks of an unfinished or finished file from its header on, up to the first that is torn.
struct WholeBlocks {
  std::vector<IndexBlock> blocks;  ///< views into the bytes
  std::uint64_t end_bytes = 0;     ///< where the last one ends; 0: not even the header is right
};
WholeBlocks whole_blocks(std::span<const std::uint8_t> file);

}  // namespace millrace
