#include "check/near_duplicates.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <numeric>
#include <utility>

#include "run_on_threads.h"

namespace millrace::cli {

namespace {

constexpr int kBits = 64;

std::uint64_t low_bits(int count) {
  return count >= kBits ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// The masks of every choice of `chosen` of `bands` bands.
std::vector<std::uint64_t> masks_of(int bands, int chosen) {
  std::vector<std::uint64_t> masks;
  const std::uint32_t choices = std::uint32_t{1} << static_cast<unsigned>(bands);
  for (std::uint32_t choice = 0; choice < choices; ++choice) {
    if (std::popcount(choice) != chosen) continue;
    std::uint64_t mask = 0;
    for (int band = 0; band < bands; ++band) {
      if ((choice >> band & 1) == 0) continue;
      const int begin = band * kBits / bands;
      const int end = (band + 1) * kBits / bands;
      mask |= low_bits(end - begin) << begin;
    }
    masks.push_back(mask);
  }
  return masks;
}

struct Entry {
  std::uint64_t hash;
  std::size_t number;
};

}  // namespace

std::uint64_t find_near_pairs(const std::vector<std::uint64_t>& hashes, int distance,
                              std::size_t threads,
                              const std::function<void(std::size_t, std::size_t)>& found) {
  if (hashes.size() < 2 || distance < 1) return 0;
  // One band alone has 64 / (distance + 1) bits: too few to tell many hashes apart, so that of more
  // of them two or three must agree.
  int chosen = 1;
  while (chosen < 3 && (hashes.size() >> (chosen * kBits / (distance + chosen))) > 8) ++chosen;
  const std::vector<std::uint64_t> masks = masks_of(distance + chosen, chosen);

  std::mutex mutex;
  std::atomic<std::uint64_t> crowded = 0;
  run_on_threads(threads, masks.size(), [&](std::size_t which) {
    const std::uint64_t mask = masks[which];
    std::vector<Entry> entries(hashes.size());
    for (std::size_t i = 0; i < hashes.size(); ++i) entries[i] = {hashes[i], i};
    std::sort(entries.begin(), entries.end(), [mask](const Entry& a, const Entry& b) {
      return std::pair(a.hash & mask, a.number) < std::pair(b.hash & mask, b.number);
    });
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    const auto hand_over = [&] {
      const std::lock_guard lock(mutex);
      for (const auto& [first, second] : pairs) found(first, second);
      pairs.clear();
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
      for (std::size_t j = i + 1; j < entries.size(); ++j) {
        if (((entries[i].hash ^ entries[j].hash) & mask) != 0) break;
        if (j - i > kMostNeighbours) {
          ++crowded;
          break;
        }
        if (std::popcount(entries[i].hash ^ entries[j].hash) > distance) continue;
        pairs.emplace_back(entries[i].number, entries[j].number);
        if (pairs.size() >= 1024) hand_over();
      }
    }
    hand_over();
  });
  return crowded;
}

DisjointSets::DisjointSets(std::size_t count) : parents_(count) {
  std::iota(parents_.begin(), parents_.end(), std::size_t{0});
}

std::size_t DisjointSets::find(std::size_t i) {
  while (parents_[i] != i) {
    parents_[i] = parents_[parents_[i]];
    i = parents_[i];
  }
  return i;
}

void DisjointSets::unite(std::size_t i, std::size_t j) {
  const std::size_t a = find(i);
  const std::size_t b = find(j);
  parents_[std::max(a, b)] = std::min(a, b);
}

}  // namespace millrace::cli
