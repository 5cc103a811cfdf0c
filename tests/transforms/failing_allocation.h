#pragma once

#include <cstddef>

namespace millrace::test {

/// False in sanitizer builds, whose operator new must not be replaced: tests say so and skip.
bool can_fail_allocations();

/// While it lives, one call of operator new on this thread throws std::bad_alloc: the one after
/// `allocations_before` others.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t allocations_before);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
};

}  // namespace millrace::test
