#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/shard.h"

namespace millrace {

/// A run of whole samples out of a tar, in memory.
struct TarBlock {
  std::shared_ptr<const ByteSource> source;
  std::uint64_t begin_bytes = 0;  ///< where the source's first byte is in the tar
  ShardIndex index;
  /// What reading an entry gives where the bytes in memory do not tell: each has its offset.
  std::vector<Error> errors;
};

/// A shard whose offsets are those in the whole tar.
std::shared_ptr<const Shard> tar_block_shard(TarBlock block, const ReadLimits& limits);

}  // namespace millrace
