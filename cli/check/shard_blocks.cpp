#include "check/shard_blocks.h"

#include <algorithm>
#include <utility>

namespace millrace::cli {

std::optional<SampleBlock> ShardBlocks::take() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (!started_.empty()) {
      Started& front = started_.front();
      const std::size_t samples = front.shard->offsets.size();
      const std::size_t begin = front.next;
      front.next = std::min(begin + block_samples_, samples);
      SampleBlock block{front.shard, begin, front.next};
      if (front.next == samples) started_.pop_front();
      return block;
    }
    if (next_shard_ < shards_) {
      const auto number = static_cast<std::uint32_t>(next_shard_++);
      ++opening_;
      lock.unlock();
      std::shared_ptr<const OpenedShard> shard;
      try {
        shard = open_(number);
      } catch (...) {
        lock.lock();
        --opening_;
        next_shard_ = shards_;
        opened_.notify_all();
        throw;
      }
      lock.lock();
      --opening_;
      if (shard != nullptr && !shard->offsets.empty()) started_.push_back({std::move(shard), 0});
      opened_.notify_all();
      continue;
    }
    if (opening_ == 0) return std::nullopt;
    opened_.wait(lock);
  }
}

}  // namespace millrace::cli
