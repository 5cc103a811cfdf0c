#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/result/result.h"

namespace millrace {

class Shard;

/// The bytes of a shard, whole: a mapped file, or what a compressed one unpacked to.
struct ShardBytes {
  std::shared_ptr<const ByteSource> source;
  /// Why the bytes end before they should: the compressed file is cut or damaged. What came before
  /// is in `source`. A format's reader need not look at it: `packed_shard` reports it.
  std::optional<Error> damage;
  /// Memory held besides the mapped file.
  std::uint64_t unpacked_bytes = 0;
};

/// "gzip", "bzip2", "xz", "zstd", "lz4", ... by the first bytes (512 are enough); empty: not
/// compressed. A right tar header outweighs any magic number.
std::string_view compression_of(std::span<const std::uint8_t> bytes);

/// Unpacks a whole compressed file (all its members, frames or streams, one after another) into
/// memory, and checks its checksums. Memory: what it unpacks to, within the limits; beyond them
/// that is the damage. Errors: io_error where the file changed, the compression is one that is not
/// read, or memory is short. Thread-safe.
Result<ShardBytes> unpack(const std::shared_ptr<const ByteSource>& packed,
                          const ReadLimits& limits);

/// How many bytes `packed_bytes` may unpack to by `limits.max_unpack_ratio`.
std::uint64_t most_unpacked(std::uint64_t packed_bytes, const ReadLimits& limits);

/// damaged_shard, without a place, for what unpacks to more than `most` bytes; names the option.
Error beyond_limit(std::uint64_t most, const ReadLimits& limits, bool by_ratio);

/// `shard`, read from `bytes`: holds what they hold, and gives their damage an entry of its own
/// behind the samples (or makes it the reason of the damage that the reader found there). The shard
/// itself where there is neither.
std::shared_ptr<const Shard> packed_shard(std::shared_ptr<const Shard> shard,
                                          const ShardBytes& bytes);

}  // namespace millrace
