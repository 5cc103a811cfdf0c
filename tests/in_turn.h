#pragma once

#include <cstddef>
#include <functional>

namespace millrace::test {

/// A ParallelFor that is none: one task after the other.
inline void in_turn(std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
}

}  // namespace millrace::test
