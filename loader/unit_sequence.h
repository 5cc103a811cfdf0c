#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/loader/permutation.h"
#include "millrace/loader/sample_counts.h"

namespace millrace {

/// One pass over units, which are shards that are read whole: all samples of the first one, then
/// all of the next, and so on. Immutable, thread-safe; O(log units) a call. 8 bytes a unit where
/// permuted, besides the counts.
class UnitSequence {
 public:
  /// Units may be empty, all of them together not. With a `key` in the order of a Permutation,
  /// else as they are.
  UnitSequence(std::shared_ptr<const SampleCounts> units, std::optional<std::uint64_t> key);

  const SampleCounts& counts() const { return *units_; }
  std::uint64_t filled_units() const { return filled_units_; }

  /// A unit and its places in the sequence, [begin, end).
  struct Piece {
    std::uint64_t unit = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  /// The piece that has `place` < counts().total().
  Piece piece(std::uint64_t place) const;
  /// The number of the sample at `place`, counted through the units as they are.
  std::uint64_t number_at(std::uint64_t place) const;
  /// The inverse of number_at().
  std::uint64_t place_of(std::uint64_t number) const;

 private:
  std::shared_ptr<const SampleCounts> units_;
  std::optional<Permutation> order_;
  std::vector<std::uint64_t> begins_;  // in the sequence, of the units in their order
  std::uint64_t filled_units_ = 0;
};

}  // namespace millrace
