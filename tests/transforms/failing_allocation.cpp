#include "failing_allocation.h"

#include <cstdlib>
#include <iostream>
#include <limits>
#include <new>

#include "sanitized_build.h"

namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
thread_local std::size_t allocations_left = kNever;

}  // namespace

#if !MILLRACE_TEST_SANITIZED
// NOLINTBEGIN: what the standard allows a program to replace, over malloc. The array forms and
// those that do not throw call these.
void* operator new(std::size_t bytes) {
  if (allocations_left != kNever && allocations_left-- == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
// NOLINTEND
#endif

namespace millrace::test {

bool can_fail_allocations() {
  if (MILLRACE_TEST_SANITIZED != 0) {
    std::cerr << "SKIPPED in a sanitizer build: failing allocations\n";
  }
  return MILLRACE_TEST_SANITIZED == 0;
}

FailingAllocation::FailingAllocation(std::size_t allocations_before) {
  allocations_left = allocations_before;
}
FailingAllocation::~FailingAllocation() { allocations_left = kNever; }

}  // namespace millrace::test
