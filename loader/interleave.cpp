#include "millrace/loader/interleave.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "millrace/loader/permutation.h"

namespace millrace {

namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::uint64_t kRun = 64;  // positions in a row: bits of a word
constexpr std::uint64_t kStretch = kRun * kRun;

constexpr std::uint64_t lowest_bits(std::uint64_t bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

// `chosen` random bits of the lowest `bits`, every choice equally likely: bits are drawn until
// there are as many different ones, or as many to leave out.
std::uint64_t choose_bits(std::uint64_t bits, std::uint64_t chosen, std::uint64_t key) {
  const bool leave_out = chosen > bits / 2;
  const std::uint64_t all = lowest_bits(bits);
  std::uint64_t left = leave_out ? bits - chosen : chosen;
  std::uint64_t mask = 0;
  for (std::uint64_t word = 0; left > 0; ++word) {
    std::uint64_t drawn = mix(key, word);
    for (int draw = 0; draw < 10 && left > 0; ++draw, drawn >>= 6) {
      const std::uint64_t bit = std::uint64_t{1} << (drawn & 63);
      if ((bit & all & ~mask) == 0) continue;
      mask |= bit;
      --left;
    }
  }
  return leave_out ? all & ~mask : mask;
}

}  // namespace

Interleave::Interleave(const std::vector<std::uint64_t>& parts, std::uint64_t key, bool exactly)
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
  const std::uint64_t node_key = mix(mix(key_, node.begin), node.end);
  const std::uint64_t run = position / kRun;
  const std::uint64_t begin = run * kRun;
  const std::uint64_t stretch = position / kStretch;
  std::uint64_t run_positions = kRun;
  std::uint64_t before = 0;  // the run
  std::uint64_t chosen = 0;  // of the run
  if (size_ == kEndless || (stretch + 1) * kStretch <= all) {
    before = share(stretch * kStretch);
    const std::uint64_t in_stretch = share((stretch + 1) * kStretch) - before;
    const std::uint64_t each = share(kRun);
    const std::uint64_t one_more =
        choose_bits(kRun, in_stretch - kRun * each, mix(node_key, 2 * stretch + 1));
    const std::uint64_t in_order = run % kRun;
    before += each * in_order;
    before += static_cast<std::uint64_t>(std::popcount(one_more & lowest_bits(in_order)));
    chosen = each + (one_more >> in_order & 1);
  } else {
    // Dealt exactly, a node has as many positions as its parts: the last stretch is shorter.
    run_positions = std::min(kRun, all - std::min(all, begin));
    before = share(begin);
    chosen = share(begin + run_positions) - before;
  }
  const std::uint64_t mask = choose_bits(run_positions, chosen, mix(node_key, 2 * run));
  const std::uint64_t bit = position - begin;
  return {before + static_cast<std::uint64_t>(std::popcount(mask & lowest_bits(bit))),
          (mask >> bit & 1) != 0};
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

std::uint64_t Interleave::most_off() const {
  return 64 + 20 * static_cast<std::uint64_t>(std::bit_width(sums_.size() - 2));
}

std::uint64_t Interleave::position_of(std::size_t source, std::uint64_t turn) const {
  const std::uint64_t part = sum(source, source + 1);
  assert(part > 0);
  const auto at_even_deal = [&](std::uint64_t turns) {
    const Uint128 position = Uint128{turns} * sums_.back() / part;
    return position < size_ ? static_cast<std::uint64_t>(position) : size_;
  };
  // The last position before which the source had at most `turn` turns.
  std::uint64_t low = at_even_deal(turn - std::min(turn, most_off()));
  std::uint64_t high = std::min(size_, at_even_deal(turn + 1 + most_off()) + 1);
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (count_before(middle, source) <= turn ? low : high) = middle;
  }
  return low;
}

}  // namespace millrace
