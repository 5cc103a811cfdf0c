#pragma once

#include <cstdint>

namespace millrace {

/// Where the random numbers of a sample come from: a pure function of the loader's seed, the epoch
/// and the global position of the slot, so the same for every world size, number of threads and
/// resume. What stands in for a bad sample has the draw of its slot. Whatever draws mixes `seed`
/// with a number of its own, so that a crop says nothing about a caption; columns that draw the
/// same thing of the same choices draw equally.
struct Draw {
  std::uint64_t seed = 0;
};

}  // namespace millrace
