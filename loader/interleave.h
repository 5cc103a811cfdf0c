#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace {

/// Deals positions 0, 1, 2, ... out to sources in given proportions: which source has a position,
/// and how many positions before it the source had, as pure functions. Immutable, thread-safe;
/// O(log sources) time a position.
///
/// The sources are the leaves of a binary tree. Each inner node deals its own positions out to its
/// two sides in stretches of 4,096: of the first 4,096 b positions, floor(4,096 b left / all) go
/// left. A stretch is 64 runs of 64; the runs get equal numbers, give or take one. Which runs get
/// one more, and which positions of a run go left, is drawn at random. So the choice is random at
/// short range, for whoever takes every W-th position as well, and exact at long range: a source's
/// count is never further than most_off() from its share.
class Interleave {
 public:
  static constexpr std::uint64_t kEndless = std::uint64_t{1} << 63;

  /// `parts` are the proportions: at least one, the sum above 0 and below 2^63. With `exactly`,
  /// there are sum(parts) positions, of which source s has exactly parts[s]; without, there is no
  /// end.
  Interleave(const std::vector<std::uint64_t>& parts, std::uint64_t key, bool exactly);

  std::uint64_t size() const { return size_; }
  std::vector<std::uint64_t> parts() const;

  struct Turn {
    std::size_t source = 0;
    std::uint64_t before = 0;  ///< how many of the source's turns came before this one
  };
  Turn at(std::uint64_t position) const;
  /// How many of the positions below `position` <= size() are the source's.
  std::uint64_t count_before(std::uint64_t position, std::size_t source) const;
  /// The position of the source's turn number `turn`; the source's part must not be 0. At most
  /// size(). O(log sources * log(sum(parts) / part)).
  std::uint64_t position_of(std::size_t source, std::uint64_t turn) const;

  /// |count_before(position, source) - position * part / sum(parts)| is below 64 + 20 for each
  /// level of the tree. One level with shares q and 1 - q adds less than 20 + 64 q (1 - q) (a
  /// random choice of k out of n is at most k (1 - k / n) ahead of an even one: 16 for the runs, 64
  /// q (1 - q) within the run, and 4 for what is rounded), and hands on a share q of what it got;
  /// q (64 + 20 d) + 20 + 64 q (1 - q) <= 64 + 20 (d + 1).
  std::uint64_t most_off() const;

 private:
  struct Node {  // sources [begin, end)
    std::size_t begin;
    std::size_t end;
    std::size_t middle() const { return begin + (end - begin) / 2; }
  };
  std::uint64_t sum(std::size_t begin, std::size_t end) const { return sums_[end] - sums_[begin]; }
  // How many of a node's positions below `position` go left, and whether that one does.
  struct Split {
    std::uint64_t left_before;
    bool goes_left;
  };
  Split split(const Node& node, std::uint64_t position) const;

  std::vector<std::uint64_t> sums_;  // of the parts before each source
  std::uint64_t key_;
  std::uint64_t size_;
};

}  // namespace millrace
