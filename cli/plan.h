#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/loader/selection.h"
#include "millrace/loader/shuffle_quality.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct PlanVerbOptions {
  std::vector<std::string> sources;
  ReadOptions read;
  Selection select;
  bool shuffle = true;
  std::uint64_t shuffle_window = 16384;
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t batch_size = 256;
  std::uint64_t world_size = 1;
  bool drop_last = false;
  std::vector<std::uint64_t> positions;  ///< whose samples are wanted
  std::vector<std::string> find;         ///< SHARD:INDEX, samples whose positions are wanted
  bool quality = false;
  std::uint64_t classes = 100;  ///< of the quality
  std::size_t threads = 0;      ///< 0: the cores this process may use
  bool json = false;
};

/// A sample, and where the epoch has it.
struct FoundSample {
  std::uint64_t position = 0;
  std::uint64_t rank = 0;
  std::uint64_t batch = 0;
  std::uint64_t slot = 0;
  bool dropped = false;  ///< lies in the tail that drop_last leaves out
  std::string shard;
  std::uint64_t index = 0;  ///< in the shard's index
  std::optional<std::uint64_t> offset_bytes;
  std::string offset_problem;  ///< why there is no offset
};

struct PlanReport {
  std::uint64_t samples = 0;
  std::uint64_t shards = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged_shards = 0;
  std::uint64_t lanes = 0;
  bool has_units = false;             ///< segments are whole shards, which must be unpacked
  std::uint64_t segment_samples = 0;  ///< of units: mean
  std::uint64_t window_samples = 0;
  std::uint64_t batches = 0;  ///< a rank
  std::uint64_t last_batch_samples = 0;
  std::uint64_t dropped = 0;  ///< over all ranks, as is padded
  std::uint64_t padded = 0;
  double open_seconds = 0;  ///< until the counts of all shards are known
  double plan_seconds = 0;  ///< until the first position can be asked for
  double at_nanoseconds = 0;
  double position_of_nanoseconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::vector<FoundSample> positions;
  std::vector<FoundSample> found;
  std::optional<ShuffleQuality> block_shuffle;  ///< the plan's
  std::optional<ShuffleQuality> full_permutation;
  std::optional<ShuffleQuality> shuffle_buffer;
};

/// Plans an epoch and prints what is asked of it. Returns the exit code. Throws
/// std::invalid_argument naming an option that is out of range or a sample that is not there.
int plan(const PlanVerbOptions& options);

void print_plan_text(const PlanVerbOptions& options, const PlanReport& report);
void print_plan_json(const PlanVerbOptions& options, const PlanReport& report);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_plan(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
