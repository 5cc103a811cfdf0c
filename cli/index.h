#pragma once

#include <cstddef>

#include "millrace/formats/index_making.h"

namespace millrace::cli {

struct IndexOptions {
  IndexMaking making;
  std::size_t threads = 0;  ///< 0: the cores this process may use
  bool json = false;
};

/// Makes sample indexes and prints what is in them. Returns the exit code.
int index(const IndexOptions& options);

}  // namespace millrace::cli
