#pragma once

#include <cstddef>
#include <memory>

#include "millrace/loader/batch.h"

namespace millrace {

/// Batch memory that is used again: a block goes back to the pool when its last owner lets go of
/// it, also after the pool itself is gone (then it is freed). A fresh batch of 154 MB costs 0.2 ms
/// an image in page faults; a recycled one costs nothing. Thread-safe.
class BlockPool {
 public:
  BlockPool();

  /// `bytes` of memory aligned to 64 bytes, its content unspecified. Throws std::bad_alloc.
  BatchMemory take(std::size_t bytes);

 private:
  struct Free;
  std::shared_ptr<Free> free_;
};

}  // namespace millrace
