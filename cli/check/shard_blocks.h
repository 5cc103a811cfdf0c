#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "millrace/formats/shard.h"

namespace millrace::cli {

/// A shard that is being read, and what its `read` takes.
struct OpenedShard {
  std::uint32_t number = 0;
  std::shared_ptr<const Shard> shard;
  std::vector<std::uint64_t> offsets;
  bool from_tar = false;
};

/// Consecutive samples of one shard.
struct SampleBlock {
  std::shared_ptr<const OpenedShard> shard;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Deals the samples of many shards out to threads, block by block, so that one large shard keeps
/// all of them busy, and many shards are opened (unpacked, walked) side by side. At most one shard
/// more than there are threads is open. Thread-safe.
class ShardBlocks {
 public:
  /// Opens a shard; null if it cannot be (whoever opens it keeps the reason).
  using Opener = std::function<std::shared_ptr<const OpenedShard>(std::uint32_t number)>;

  ShardBlocks(std::size_t shards, std::size_t block_samples, Opener open)
      : shards_(shards), block_samples_(block_samples), open_(std::move(open)) {}

  /// The next block; none: all have been dealt.
  std::optional<SampleBlock> take();

 private:
  struct Started {
    std::shared_ptr<const OpenedShard> shard;
    std::size_t next = 0;
  };

  std::size_t shards_;
  std::size_t block_samples_;
  Opener open_;
  std::mutex mutex_;
  std::condition_variable opened_;
  std::deque<Started> started_;
  std::size_t next_shard_ = 0;
  std::size_t opening_ = 0;
};

}  // namespace millrace::cli
