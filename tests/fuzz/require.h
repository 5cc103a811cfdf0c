#pragma once

#include <cstdio>
#include <cstdlib>

namespace millrace::fuzz {

/// What must hold of every input; a fuzz target fails by ending, and says at which line.
inline void require(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: does not hold\n", file, line);
  std::abort();
}

}  // namespace millrace::fuzz
