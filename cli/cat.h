#pragma once

#include <string>
#include <vector>

#include "millrace/formats/read_options.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct CatOptions {
  std::vector<std::string> sources;
  std::string sample;   ///< a key, a number over all sources, or SHARD:INDEX
  bool by_key = false;  ///< `sample` is a key, whatever it looks like
  ReadOptions read;
  std::string field;   ///< only its bytes; empty: all fields described
  std::string output;  ///< a file instead of standard output
  bool json = false;
};

/// Shows one sample. Returns the exit code.
int cat(const CatOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_cat(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
