#include "millrace/formats/streams/block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <new>

namespace millrace {

namespace {

constexpr std::size_t kLeastBytes = std::size_t{1} << 20;
/// A reader holds one block, fills the next, and may have just dropped another.
constexpr std::size_t kMostSpare = 2;

}  // namespace

BlockMemory::~BlockMemory() {
  if (data_ != nullptr) ::munmap(data_, capacity_);
}

void BlockMemory::grow(std::size_t bytes) {
  if (bytes <= capacity_) return;
  std::size_t capacity = std::max(capacity_, kLeastBytes);
  while (capacity < bytes) {
    if (capacity > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
    capacity *= 2;
  }
  void* moved = data_ == nullptr ? ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                 : ::mremap(data_, capacity_, capacity, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) throw std::bad_alloc();
  ::madvise(moved, capacity, MADV_HUGEPAGE);
  data_ = static_cast<std::uint8_t*>(moved);
  capacity_ = capacity;
}

BlockMemory BlockMemoryPool::take() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  BlockMemory memory = std::move(spare_.back());
  spare_.pop_back();
  return memory;
}

void BlockMemoryPool::give_back(BlockMemory memory, std::size_t keep_bytes) {
  if (memory.capacity() > keep_bytes) return;
  const std::lock_guard lock(mutex_);
  if (spare_.size() < kMostSpare) spare_.push_back(std::move(memory));
}

}  // namespace millrace
