#pragma once

#include <cstdlib>

namespace millrace::fuzz {

/// What must hold of every input; a fuzz target fails by ending.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace millrace::fuzz
