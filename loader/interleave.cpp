#include "millrace/loader/interleave.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "millrace/loader/permutation.h"

namespace millrace {

namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::uint64_t kRun = 64;  // positions in a row that are dealt at random: bits of a word

// `chosen` random bits of the lowest `bits` (Knuth, TAOCP 2, 3.4.2, algorithm S).
std::uint64_t choose_bits(std::uint64_t bits, std::uint64_t chosen, std::uint64_t key) {
  std::uint64_t mask = 0;
  for (std::uint64_t bit = 0; bit < bits && chosen > 0; ++bit) {
    const auto drawn = static_cast<std::uint64_t>(Uint128{mix(key, bit)} * (bits - bit) >> 64);
    if (drawn >= chosen) continue;
    mask |= std::uint64_t{1} << bit;
    --chosen;
  }
  return mask;
}

}  // namespace

Interleave::Interleave(std::vector<std::uint64_t> parts, std::uint64_t key, bool exactly)
    : key_(key) {
  sums_.reserve(parts.size() + 1);
  sums_.push_back(0);
  for (const std::uint64_t part : parts) sums_.push_back(sums_.back() + part);
  size_ = exactly ? sums_.back() : kEndless;
}

std::vector<std::uint64_t> Interleave::parts() const {
  std::vector<std::uint64_t> parts;
  for (std::size_t i = 1; i < sums_.size(); ++i) parts.push_back(sums_[i] - sums_[i - 1]);
  return parts;
}

Interleave::Split Interleave::split(const Node& node, std::uint64_t position) const {
  const std::uint64_t all = sum(node.begin, node.end);
  const std::uint64_t left = sum(node.begin, node.middle());
  if (left == 0) return {0, false};
  if (left == all) return {position, true};
  const auto share = [&](std::uint64_t positions) {
    return static_cast<std::uint64_t>(Uint128{positions} * left / all);
  };
  const std::uint64_t begin = position / kRun * kRun;
  // Dealt exactly, a node has as many positions as its parts.
  const std::uint64_t run = size_ == kEndless ? kRun : std::min(kRun, all - std::min(all, begin));
  const std::uint64_t before = share(begin);
  const std::uint64_t node_key = mix(mix(key_, node.begin), node.end);
  const std::uint64_t mask =
      choose_bits(run, share(begin + run) - before, mix(node_key, begin / kRun));
  const std::uint64_t bit = std::uint64_t{1} << (position - begin);
  return {before + static_cast<std::uint64_t>(std::popcount(mask & (bit - 1))), (mask & bit) != 0};
}

Interleave::Turn Interleave::at(std::uint64_t position) const {
  assert(position < size_);
  Node node{0, sums_.size() - 1};
  while (node.end - node.begin > 1) {
    const Split found = split(node, position);
    if (found.goes_left) {
      position = found.left_before;
      node.end = node.middle();
    } else {
      position -= found.left_before;
      node.begin = node.middle();
    }
  }
  return {node.begin, position};
}

std::uint64_t Interleave::count_before(std::uint64_t position, std::size_t source) const {
  Node node{0, sums_.size() - 1};
  while (node.end - node.begin > 1) {
    const std::uint64_t left = split(node, position).left_before;
    if (source < node.middle()) {
      position = left;
      node.end = node.middle();
    } else {
      position -= left;
      node.begin = node.middle();
    }
  }
  return position;
}

std::uint64_t Interleave::position_of(std::size_t source, std::uint64_t turn) const {
  // The last position before which the source had `turn` turns.
  std::uint64_t low = 0;
  std::uint64_t high = std::min(size_, turn + 1);
  while (high < size_ && count_before(high, source) <= turn) {
    low = high;
    high = high > size_ / 2 ? size_ : high * 2;
  }
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (count_before(middle, source) <= turn ? low : high) = middle;
  }
  return low;
}

}  // namespace millrace
