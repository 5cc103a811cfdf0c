#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace {

/// Pages that grow without their bytes being copied. Fresh bytes are 0.
class BlockMemory {
 public:
  BlockMemory() = default;
  ~BlockMemory();
  BlockMemory(BlockMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  BlockMemory& operator=(BlockMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  std::uint8_t* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }
  /// Makes room for at least `bytes`. The bytes may move. Throws std::bad_alloc.
  void grow(std::size_t bytes);

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t capacity_ = 0;
};

/// Keeps the memory of blocks that are done with for the next ones: touching fresh pages costs more
/// than filling them. Thread-safe.
class BlockMemoryPool {
 public:
  BlockMemory take();
  /// What is larger than `keep_bytes`, or one too many, is freed.
  void give_back(BlockMemory memory, std::size_t keep_bytes);

 private:
  std::mutex mutex_;
  std::vector<BlockMemory> spare_;
};

}  // namespace millrace
