#pragma once

#include <cstdint>

#include "millrace/transforms/draw.h"

namespace millrace {

/// The random numbers of one purpose of a sample's draw: SplitMix64 (Steele, Lea & Flood, 2014)
/// from a state that mixes the two. The same on every machine.
class RandomNumbers {
 public:
  /// Another `stream` gives other numbers.
  RandomNumbers(const Draw& draw, std::uint64_t stream)
      : state_(mixed(draw.seed ^ mixed(stream + kStep))) {}

  std::uint64_t next() {
    state_ += kStep;
    return mixed(state_);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  /// In 0 .. count - 1; `count` >= 1.
  int below(int count) {
    return static_cast<int>((next() >> 32) * static_cast<std::uint64_t>(count) >> 32);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15;

  static std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
  }

  std::uint64_t state_;
};

}  // namespace millrace
