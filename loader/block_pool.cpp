#include "millrace/loader/block_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace millrace {

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

struct Release {
  void operator()(std::byte* block) const { std::free(block); }
};
using Block = std::unique_ptr<std::byte[], Release>;

Block allocate(std::size_t bytes) {
  const bool huge = bytes >= kHugePage;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  if (huge) madvise(memory, rounded, MADV_HUGEPAGE);  // advice: a refusal changes nothing
  return Block(memory);
}

}  // namespace

struct BlockPool::Free {
  std::mutex mutex;
  std::multimap<std::size_t, Block> blocks;
};

BlockPool::BlockPool() : free_(std::make_shared<Free>()) {}

BatchMemory BlockPool::take(std::size_t bytes) {
  bytes = bytes > 0 ? bytes : 1;
  Block block;
  {
    const std::lock_guard lock(free_->mutex);
    if (const auto found = free_->blocks.find(bytes); found != free_->blocks.end()) {
      block = std::move(found->second);
      free_->blocks.erase(found);
    }
  }
  if (!block) block = allocate(bytes);
  std::byte* memory = block.release();
  auto give_back = [pool = std::weak_ptr<Free>(free_), bytes](void* used) {
    Block returned(static_cast<std::byte*>(used));
    const std::shared_ptr<Free> alive = pool.lock();
    if (!alive) return;
    const std::lock_guard lock(alive->mutex);
    alive->blocks.emplace(bytes, std::move(returned));
  };
  return {{memory, bytes}, std::shared_ptr<void>(memory, std::move(give_back))};
}

}  // namespace millrace
