#pragma once

#include <cstddef>
#include <functional>

#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

/// The loader's threads, as what it reads from sees them.
struct ReadingThreads {
  std::size_t count = 1;
  ParallelFor parallel_for;
  /// Has one of them run `task`, which must not throw, behind what they have to do already; or
  /// never, where the loader ends before. Does not wait. The time it takes is counted as reading.
  /// For any thread.
  std::function<void(std::function<void()> task)> post;
};

}  // namespace millrace
