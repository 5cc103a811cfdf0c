#include "millrace/arrow_ext/budgeted_pool.h"

#include <algorithm>
#include <limits>

namespace millrace::arrow_ext {

BudgetedPool::BudgetedPool(std::uint64_t max_bytes)
    : max_bytes_(static_cast<std::int64_t>(
          std::min<std::uint64_t>(max_bytes, std::numeric_limits<std::int64_t>::max()))) {}

arrow::Status BudgetedPool::take(std::int64_t bytes) {
  const std::int64_t before = used_.fetch_add(bytes);
  if (bytes <= 0 || bytes <= max_bytes_ - before) return arrow::Status::OK();
  used_ -= bytes;
  return arrow::Status::OutOfMemory("unpacks to more than max_unpacked_bytes = ", max_bytes_);
}

arrow::Status BudgetedPool::Allocate(std::int64_t size, std::int64_t alignment,
                                     std::uint8_t** out) {
  ARROW_RETURN_NOT_OK(take(size));
  arrow::Status status = wrapped_->Allocate(size, alignment, out);
  if (!status.ok()) used_ -= size;
  return status;
}

arrow::Status BudgetedPool::Reallocate(std::int64_t old_size, std::int64_t new_size,
                                       std::int64_t alignment, std::uint8_t** data) {
  ARROW_RETURN_NOT_OK(take(new_size - old_size));
  arrow::Status status = wrapped_->Reallocate(old_size, new_size, alignment, data);
  if (!status.ok()) used_ -= new_size - old_size;
  return status;
}

void BudgetedPool::Free(std::uint8_t* data, std::int64_t size, std::int64_t alignment) {
  wrapped_->Free(data, size, alignment);
  used_ -= size;
}

}  // namespace millrace::arrow_ext
