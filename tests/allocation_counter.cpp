#include "allocation_counter.h"

#include <atomic>
#include <iostream>

#include "sanitized_build.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

#if !MILLRACE_TEST_SANITIZED
// glibc's own allocation functions are aliases of these.
extern "C" {
void* __libc_malloc(std::size_t bytes);                           // NOLINT: glibc's name
void* __libc_calloc(std::size_t count, std::size_t bytes);        // NOLINT: glibc's name
void* __libc_realloc(void* memory, std::size_t bytes);            // NOLINT: glibc's name
void* __libc_memalign(std::size_t alignment, std::size_t bytes);  // NOLINT: glibc's name

void* malloc(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
}
#endif

namespace millrace::test {

bool can_count_allocations() {
  if (MILLRACE_TEST_SANITIZED != 0) {
    std::cerr << "SKIPPED in a sanitizer build: counting allocations\n";
  }
  return MILLRACE_TEST_SANITIZED == 0;
}

std::size_t allocations_so_far() { return allocations; }

}  // namespace millrace::test
