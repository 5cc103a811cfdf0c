#include "millrace/formats/packed/unpack.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "millrace/formats/packed/decompressor.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/streams/block_memory.h"
#include "millrace/formats/tar/tar_reader.h"

namespace millrace {

namespace {

struct Compression {
  std::string_view magic;
  std::string_view name;
};

using namespace std::string_view_literals;

constexpr Compression kZstd = {"\x28\xb5\x2f\xfd"sv, "zstd"};
constexpr std::array<Compression, 8> kCompressions = {{
    {"\x1f\x8b"sv, "gzip"},
    {"BZh"sv, "bzip2"},
    {"\xfd\x37zXZ\x00"sv, "xz"},
    kZstd,
    {"\x04\x22\x4d\x18"sv, "lz4"},
    {"\x89LZO\x00"sv, "lzop"},
    {"\x1f\x9d"sv, "compress"},
    {"LZIP"sv, "lzip"},
}};

const Compression* find_compression(std::span<const std::uint8_t> bytes) {
  // A tar's first member may have any name, so a right header outweighs a magic number.
  if (tar::begins_like_tar(bytes)) return nullptr;
  const std::string_view text = as_text(bytes);
  for (const Compression& compression : kCompressions) {
    if (text.starts_with(compression.magic)) return &compression;
  }
  // A skippable frame (RFC 8878) has any of 16 magic numbers; zstd's parallel writers begin with
  // one.
  if (text.size() >= 4 && text.substr(1, 3) == "\x2a\x4d\x18"sv &&
      (static_cast<unsigned char>(text[0]) & 0xf0) == 0x50) {
    return &kZstd;
  }
  return nullptr;
}

}  // namespace

std::string_view compression_of(std::span<const std::uint8_t> bytes) {
  const Compression* compression = find_compression(bytes);
  return compression == nullptr ? std::string_view{} : compression->name;
}

namespace {

/// So much is asked for and looked at between two questions whether the file has changed.
constexpr std::size_t kUnpackedPieceBytes = std::size_t{4} << 20;

/// What a file unpacked to. Asks the file whether it has changed.
class UnpackedSource final : public ByteSource {
 public:
  UnpackedSource(std::shared_ptr<const ByteSource> packed, BlockMemory memory, std::size_t size)
      : packed_(std::move(packed)), memory_(std::move(memory)), size_(size) {}

  std::string_view name() const override { return packed_->name(); }
  std::span<const std::uint8_t> bytes() const override { return {memory_.data(), size_}; }
  Result<void> check_unchanged() const override { return packed_->check_unchanged(); }

 private:
  std::shared_ptr<const ByteSource> packed_;
  BlockMemory memory_;
  std::size_t size_;
};

tl::unexpected<Error> located(Error error, const ByteSource& packed) {
  error.shard = packed.name();
  return tl::unexpected<Error>(std::move(error));
}

/// The packed file in pieces, each read ahead and given back.
class PackedPieces {
 public:
  explicit PackedPieces(const ByteSource& packed, std::size_t piece_bytes)
      : packed_(packed), piece_bytes_(piece_bytes) {}

  Result<std::span<const std::uint8_t>> next() {
    if (auto unchanged = packed_.check_unchanged(); !unchanged) {
      return tl::unexpected<Error>(std::move(unchanged.error()));
    }
    packed_.done_with(begin_, end_);
    const std::size_t size = packed_.bytes().size();
    begin_ = end_;
    end_ += std::min(piece_bytes_, size - begin_);
    packed_.will_need(end_, end_ + std::min(piece_bytes_, size - end_));
    return packed_.bytes().subspan(begin_, end_ - begin_);
  }

 private:
  const ByteSource& packed_;
  std::size_t piece_bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Unpacks into `memory`, at most `most` bytes; the number of bytes, and why they are not all.
struct Unpacked {
  std::size_t size = 0;
  std::optional<Error> error;
};

Unpacked unpack_into(BlockMemory& memory, Decompressor& decompressor, std::uint64_t most,
                     const ReadLimits& limits) {
  Unpacked unpacked;
  std::uint8_t beyond = 0;
  while (true) {
    const bool full = unpacked.size == most;
    if (!full && unpacked.size == memory.capacity()) memory.grow(unpacked.size + 1);
    const std::size_t room = std::min<std::uint64_t>(memory.capacity(), most) - unpacked.size;
    auto count = full ? decompressor.read({&beyond, 1})
                      : decompressor.read({memory.data() + unpacked.size, room});
    if (!count) {
      unpacked.error = std::move(count.error());
      return unpacked;
    }
    if (*count == 0) return unpacked;
    if (full) {
      unpacked.error = beyond_limit(most, limits, most < limits.max_unpacked_bytes);
      return unpacked;
    }
    unpacked.size += *count;
  }
}

/// The bytes that the file says it unpacks to, and what it is likely to without saying: photos
/// hardly shrink.
std::size_t first_capacity(std::string_view compression, std::span<const std::uint8_t> packed,
                           std::uint64_t most) {
  std::uint64_t bytes = packed.size() + packed.size() / 8;
  if (compression == "zstd") {
    const unsigned long long said = ::ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR) bytes = said;
  }
  return static_cast<std::size_t>(std::max<std::uint64_t>(std::min(bytes, most), 1));
}

}  // namespace

Error beyond_limit(std::uint64_t most, const ReadLimits& limits, bool by_ratio) {
  return {Reason::damaged_shard,
          "it unpacks to more than " + std::to_string(most) + " bytes, " +
              (by_ratio ? "max_unpack_ratio (" + std::to_string(limits.max_unpack_ratio) +
                              ") times its compressed size"
                        : std::string("the limit max_unpacked_bytes")),
          {},
          Error::kNoOffset,
          {}};
}

std::uint64_t most_unpacked(std::uint64_t packed_bytes, const ReadLimits& limits) {
  const bool any_ratio =
      packed_bytes > 0 && limits.max_unpack_ratio > ~std::uint64_t{0} / packed_bytes;
  const std::uint64_t by_ratio =
      any_ratio ? ~std::uint64_t{0} : limits.max_unpack_ratio * packed_bytes;
  return std::max(by_ratio, ReadLimits::kRatioCheckedFrom);
}

Result<ShardBytes> unpack(const std::shared_ptr<const ByteSource>& packed,
                          const ReadLimits& limits) {
  const std::span<const std::uint8_t> bytes = packed->bytes();
  const std::string_view compression = compression_of(bytes);
  if (auto unchanged = packed->check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  // libzstd unpacks a frame into its place only if it sees all of it.
  PackedPieces pieces(*packed, compression == "zstd" ? bytes.size() : kUnpackedPieceBytes);
  auto decompressor = make_decompressor(
      compression, [&pieces] { return pieces.next(); }, limits);
  if (!decompressor) return located(std::move(decompressor.error()), *packed);
  const std::uint64_t most =
      std::min({most_unpacked(bytes.size(), limits), limits.max_unpacked_bytes,
                std::uint64_t{std::numeric_limits<std::size_t>::max()}});
  BlockMemory memory;
  Unpacked unpacked;
  try {
    memory.grow(first_capacity(compression, bytes, most));
    unpacked = unpack_into(memory, **decompressor, most, limits);
  } catch (const std::bad_alloc&) {
    return located(
        {Reason::io_error, "there is not enough memory to unpack", {}, Error::kNoOffset, {}},
        *packed);
  }
  packed->done_with(0, bytes.size());
  if (unpacked.error && unpacked.error->reason != Reason::damaged_shard) {
    return located(std::move(*unpacked.error), *packed);
  }
  if (unpacked.error) unpacked.error->shard = packed->name();
  return ShardBytes{
      std::make_shared<const UnpackedSource>(packed, std::move(memory), unpacked.size),
      std::move(unpacked.error), unpacked.size};
}

}  // namespace millrace
