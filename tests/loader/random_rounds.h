#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "sanitized_build.h"

namespace millrace {

/// The source of a property test's cases.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }
  /// 0 .. n-1.
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  /// first .. last.
  std::uint64_t in(std::uint64_t first, std::uint64_t last) {
    return first + below(last - first + 1);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  /// 1 .. most, small ones as often as large ones, often beside a power of two.
  std::uint64_t size(std::uint64_t most) {
    std::uint64_t power = 1;
    for (std::uint64_t doublings = below(64); doublings > 0 && power < most; --doublings) {
      power *= 2;
    }
    const std::uint64_t size = one_in(2) ? in(1, power) : power + below(3) - 1;
    return size < 1 ? 1 : size > most ? most : size;
  }

 private:
  std::mt19937_64 engine_;
};

/// Calls `body(random)` so often (less often under a sanitizer), each time with another seed. A
/// failure prints the seed; the environment variable MILLRACE_TEST_SEED is the first one.
template <class Body>
void for_random_rounds(int rounds, const Body& body) {
  const char* first = std::getenv("MILLRACE_TEST_SEED");
  const std::uint64_t begin = first == nullptr ? 1 : std::stoull(first);
  const std::uint64_t end = begin + static_cast<std::uint64_t>(rounds) / test::kSanitizedStride;
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    body(random);
  }
}

}  // namespace millrace
