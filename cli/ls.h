#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct LsOptions {
  std::vector<std::string> sources;
  ReadOptions read;
  std::uint64_t offset = 0;  ///< samples (or shards) passed over
  std::uint64_t limit = ~std::uint64_t{0};
  bool shards = false;  ///< the shards instead of their samples
  bool longer = false;  ///< with shard, offset and texts
  bool json = false;    ///< one JSON object a line
};

/// Lists samples or shards. Opens no shard behind the last one that it shows, and of those before
/// the first one none that an index knows. Returns the exit code: 1 where something could not be
/// read, which is shown in its place.
int ls(const LsOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_ls(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
