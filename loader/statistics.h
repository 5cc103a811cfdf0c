#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "millrace/transforms/stage_times.h"

namespace millrace {

/// Where the time went since the loader was made.
struct Statistics {
  StageTimes stages;  ///< summed over the workers
  std::uint64_t samples = 0;
  std::uint64_t batches = 0;
  std::size_t threads = 0;
  double wall_seconds = 0;     ///< from the first call of next() to the last delivered batch
  double busy_seconds = 0;     ///< summed over the workers
  double waiting_seconds = 0;  ///< what next() spent waiting for a batch

  /// What to look at to go faster: "consumer" (the caller takes batches later than they are ready),
  /// "prefetch" (workers idle while the caller waits: raise prefetch_batches or batch_size), or the
  /// stage with most time: "read", "decode", "resize", "normalize", "tokenize", "copy".
  std::string bottleneck() const;
  /// {"samples", "batches", "threads", "wall_seconds", "busy_seconds", "waiting_seconds",
  ///  "bottleneck", "stages": {name: {"items", "bytes", "busy_seconds"}}}
  std::string to_json() const;
};

}  // namespace millrace
