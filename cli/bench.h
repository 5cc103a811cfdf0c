#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/loader/options.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct BenchOptions {
  LoaderOptions loader;
  int image_size = 224;
  double seconds = 10;
  bool json = false;
};

/// Streams CLIP batches for about that long, over as many epochs as it takes, and prints what it
/// cost. Returns the exit code. Throws what Loader throws.
int bench(BenchOptions options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_bench(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
