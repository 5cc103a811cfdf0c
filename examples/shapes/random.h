#pragma once

#include <cstdint>
#include <span>

namespace shapes {

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same numbers on every machine, which the
/// distributions of <random> do not promise.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : state_(seed * 0x9e3779b97f4a7c15U + stream) {
    next();
    state_ ^= stream << 32;
  }

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// In [low, high).
  double between(double low, double high) { return low + (high - low) * unit(); }
  /// In [low, high], both included.
  int whole(int low, int high) {
    const auto range = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<int>(next() % range);
  }
  bool chance(double probability) { return unit() < probability; }

  template <typename T, std::size_t N>
  const T& pick(std::span<const T, N> from) {
    return from[next() % from.size()];
  }

 private:
  std::uint64_t state_;
};

}  // namespace shapes
