#pragma once

#include <cstddef>

#include "millrace/formats/index/index_making.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct IndexOptions {
  IndexMaking making;
  std::size_t threads = 0;  ///< 0: the cores this process may use
  bool json = false;
};

/// Makes sample indexes and prints what is in them. Returns the exit code.
int index(const IndexOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_index(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
