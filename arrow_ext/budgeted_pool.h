#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <arrow/memory_pool.h>
#include <arrow/status.h>

namespace millrace::arrow_ext {

/// Arrow's default pool with a limit of its own: what a file declares cannot make it allocate more.
/// Thread-safe. Outlives everything that was allocated from it.
class BudgetedPool final : public arrow::MemoryPool {
 public:
  explicit BudgetedPool(std::uint64_t max_bytes);

  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Reallocate;
  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override;
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** data) override;
  void Free(std::uint8_t* data, std::int64_t size, std::int64_t alignment) override;
  std::int64_t bytes_allocated() const override { return used_; }
  std::int64_t max_memory() const override { return -1; }
  std::int64_t total_bytes_allocated() const override { return -1; }
  std::int64_t num_allocations() const override { return -1; }
  std::string backend_name() const override { return wrapped_->backend_name(); }

 private:
  arrow::Status take(std::int64_t bytes);

  arrow::MemoryPool* wrapped_ = arrow::default_memory_pool();
  std::int64_t max_bytes_;
  std::atomic<std::int64_t> used_ = 0;
};

}  // namespace millrace::arrow_ext
