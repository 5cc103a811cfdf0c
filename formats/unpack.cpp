#include "millrace/formats/unpack.h"

#include <array>
#include <string>
#include <utility>

#include "millrace/formats/shard.h"
#include "millrace/formats/tar_reader.h"

namespace millrace {

namespace {

struct Compression {
  std::string_view magic;
  std::string_view name;
  std::string_view command;
};

using namespace std::string_view_literals;

constexpr Compression kZstd = {"\x28\xb5\x2f\xfd"sv, "zstd", "zstd -d"};
constexpr std::array<Compression, 8> kCompressions = {{
    {"\x1f\x8b"sv, "gzip", "gzip -d"},
    {"BZh"sv, "bzip2", "bzip2 -d"},
    {"\xfd\x37zXZ\x00"sv, "xz", "xz -d"},
    kZstd,
    {"\x04\x22\x4d\x18"sv, "lz4", "lz4 -d"},
    {"\x89LZO\x00"sv, "lzop", "lzop -d"},
    {"\x1f\x9d"sv, "compress", "uncompress"},
    {"LZIP"sv, "lzip", "lzip -d"},
}};

const Compression* find_compression(std::span<const std::uint8_t> bytes) {
  // A tar's first member may have any name, so a right header outweighs a magic number.
  if (tar::begins_like_tar(bytes)) return nullptr;
  const std::string_view text = tar::as_text(bytes);
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

Result<ShardBytes> unpack(const std::shared_ptr<const ByteSource>& packed, const ReadLimits&) {
  const Compression* compression = find_compression(packed->bytes());
  return tl::unexpected<Error>(Error{
      Reason::io_error,
      "the shard is compressed (" + std::string(compression->name) +
          "), which is not supported; decompress it first: " + std::string(compression->command),
      std::string(packed->name()),
      Error::kNoOffset,
      {}});
}

std::shared_ptr<const Shard> packed_shard(std::shared_ptr<const Shard> shard, const ShardBytes&) {
  return shard;
}

}  // namespace millrace
