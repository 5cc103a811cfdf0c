#include "millrace/loader/permutation.h"

#include <bit>

namespace millrace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a * 0x9e3779b97f4a7c15U + b + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

namespace {

// Four rounds suffice where a half has many values; halves of a few bits need more, or some images
// come visibly more often than others.
constexpr std::uint64_t kRounds = 4;
constexpr std::uint64_t kRoundsOfFewBits = 10;
constexpr unsigned kFewBits = 5;

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t key) : size_(size), key_(key) {
  const unsigned bits = size > 1 ? static_cast<unsigned>(std::bit_width(size - 1)) : 1;
  half_bits_ = (bits + 1) / 2;
  rounds_ = half_bits_ <= kFewBits ? kRoundsOfFewBits : kRounds;
  half_mask_ = (std::uint64_t{1} << half_bits_) - 1;
}

std::uint64_t Permutation::operator()(std::uint64_t index) const {
  do {
    std::uint64_t left = index >> half_bits_;
    std::uint64_t right = index & half_mask_;
    for (std::uint64_t round = 0; round < rounds_; ++round) {
      const std::uint64_t next = left ^ (mix(key_ + round, right) & half_mask_);
      left = right;
      right = next;
    }
    index = left << half_bits_ | right;
  } while (index >= size_);
  return index;
}

std::uint64_t Permutation::inverse(std::uint64_t image) const {
  do {
    std::uint64_t left = image >> half_bits_;
    std::uint64_t right = image & half_mask_;
    for (std::uint64_t round = rounds_; round-- > 0;) {
      const std::uint64_t before = right ^ (mix(key_ + round, left) & half_mask_);
      right = left;
      left = before;
    }
    image = left << half_bits_ | right;
  } while (image >= size_);
  return image;
}

}  // namespace millrace
