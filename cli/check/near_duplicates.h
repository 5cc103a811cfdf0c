#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace millrace::cli {

/// Calls `found(i, j)`, i < j, for every two of the `hashes` that differ in at most `distance` bits
/// (0 to 8), at least once for most pairs, more often for some; for any thread, never at the same
/// time. The hashes are all different.
///
/// Not in O(n^2): 64 bits are cut into bands, more than `distance`, so that two such hashes agree
/// in some of the bands wholly; the hashes are sorted by each choice of so many bands, and only
/// neighbours that agree in them are compared. Memory: 16 bytes a hash for each of `threads`.
///
/// Hashes that agree with more than `kMostNeighbours` others in one choice of bands are compared
/// with so many of them only. Returns how many hashes that befell.
std::uint64_t find_near_pairs(const std::vector<std::uint64_t>& hashes, int distance,
                              std::size_t threads,
                              const std::function<void(std::size_t, std::size_t)>& found);

inline constexpr std::size_t kMostNeighbours = 4096;

/// Sets that grow together (Tarjan's union by the smaller number, paths halved).
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count);
  std::size_t find(std::size_t i);
  void unite(std::size_t i, std::size_t j);

 private:
  std::vector<std::size_t> parents_;
};

}  // namespace millrace::cli
