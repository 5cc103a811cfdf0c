#pragma once

#include <cstdint>

namespace millrace {

/// A seeded permutation of 0 .. size-1, evaluated point by point in O(1) time and memory: a
/// Feistel network over the next even power of two, walked until it lands inside (cycle walking;
/// Black & Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). Fewer than four steps on
/// average.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t key);

  std::uint64_t size() const { return size_; }
  /// `index` must be below size().
  std::uint64_t operator()(std::uint64_t index) const;
  /// The index that the permutation takes to `image` < size().
  std::uint64_t inverse(std::uint64_t image) const;

 private:
  std::uint64_t size_;
  std::uint64_t key_;
  unsigned half_bits_;
  std::uint64_t rounds_;
  std::uint64_t half_mask_;
};

/// A well-mixed 64-bit value of two others (the SplitMix64 finalizer; Steele, Lea & Flood, 2014).
std::uint64_t mix(std::uint64_t a, std::uint64_t b);

}  // namespace millrace
