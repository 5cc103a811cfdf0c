#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"
#include "pack/pack_shards.h"
#include "pack/packed_sample.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct PackOptions {
  std::vector<std::string> sources;
  std::string output;  ///< a folder, or the shards' path with `%06d`
  std::string prefix = "train";
  std::string max_size;  ///< "512MiB"; empty: that, unless max_count is given
  std::uint64_t max_count = 0;
  PackedShape shape;
  ReadOptions read;
  bool skip_bad = false;  ///< else the first bad sample ends the run
  bool force = false;
  std::size_t threads = 0;  ///< 0: the cores this process may use
  bool json = false;
};

/// Packs the samples of any sources into tar shards and prints what it did. Returns the exit code.
int pack(const PackOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_pack(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
