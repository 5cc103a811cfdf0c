#pragma once

#include <cstddef>

namespace millrace::test {

/// False in sanitizer builds, whose allocator must not be replaced: tests that count say so and
/// skip.
bool can_count_allocations();

/// Calls of malloc and its like since the program began, on all threads and in all libraries
/// (operator new and libjpeg included). A program that asks has its malloc replaced by one that
/// counts.
std::size_t allocations_so_far();

}  // namespace millrace::test
