#include "millrace/loader/sample_bitmap.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <stdexcept>

#include "millrace/loader/permutation.h"

namespace millrace {

namespace {

constexpr std::uint64_t kBlockWords = 8;

std::uint64_t popcount(std::uint64_t word) {
  return static_cast<std::uint64_t>(std::popcount(word));
}

// The place of the set bit number `rank` (from 0) of a word that has more than `rank` of them: the
// byte by the sums over all bytes up to each, then by hand. (S. Vigna, "Broadword Implementation of
// Rank/Select Queries", 2008, without the broadword comparison.)
std::uint64_t select_in_word(std::uint64_t word, std::uint64_t rank) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  std::uint64_t sums = word - (word >> 1 & 0x5555555555555555U);
  sums = (sums & 0x3333333333333333U) + (sums >> 2 & 0x3333333333333333U);
  sums = ((sums + (sums >> 4)) & 0x0f0f0f0f0f0f0f0fU) * kOnes;
  std::uint64_t place = 0;
  while ((sums >> place & 0xff) <= rank) place += 8;
  if (place > 0) rank -= sums >> (place - 8) & 0xff;
  std::uint64_t byte = word >> place & 0xff;
  for (; rank > 0; --rank) byte &= byte - 1;
  return place + static_cast<std::uint64_t>(std::countr_zero(byte));
}

}  // namespace

std::uint64_t count_bits(std::span<const std::uint64_t> words) {
  std::uint64_t bits = 0;
  for (const std::uint64_t word : words) bits += popcount(word);
  return bits;
}

SampleBitmap::SampleBitmap(std::span<const std::uint64_t> samples_of_shard) {
  begins_.reserve(samples_of_shard.size() + 1);
  begins_.push_back(0);
  for (const std::uint64_t samples : samples_of_shard) {
    const std::uint64_t words = samples / 64 + (samples % 64 > 0 ? 1 : 0);
    if (words > words_.max_size() - begins_.back()) {
      throw std::length_error("a bit for each sample");
    }
    begins_.push_back(begins_.back() + words);
  }
  words_.resize(begins_.back());
}

std::span<std::uint64_t> SampleBitmap::words(std::size_t shard) {
  return std::span(words_).subspan(begins_[shard], begins_[shard + 1] - begins_[shard]);
}

void SampleBitmap::rank() {
  ranks_.clear();
  ranks_.reserve(words_.size() / kBlockWords + 1);
  std::uint64_t before = 0;
  for (std::uint64_t word = 0; word < words_.size(); ++word) {
    if (word % kBlockWords == 0) ranks_.push_back(before);
    before += popcount(words_[word]);
  }
}

std::uint64_t SampleBitmap::select(std::size_t shard, std::uint64_t rank) const {
  const std::uint64_t begin = begins_[shard];
  const std::uint64_t end = begins_[shard + 1];
  assert(begin < end);
  // Blocks are counted through all shards, so the shard's first word may stand within one.
  const std::uint64_t first_block = begin / kBlockWords;
  std::uint64_t wanted = rank + ranks_[first_block];
  for (std::uint64_t word = first_block * kBlockWords; word < begin; ++word) {
    wanted += popcount(words_[word]);
  }
  const auto blocks_begin = ranks_.begin() + static_cast<std::ptrdiff_t>(first_block);
  const auto blocks_end = ranks_.begin() + static_cast<std::ptrdiff_t>((end - 1) / kBlockWords + 1);
  const auto block = std::upper_bound(blocks_begin, blocks_end, wanted) - 1;
  std::uint64_t left = wanted - *block;
  auto word = static_cast<std::uint64_t>(block - ranks_.begin()) * kBlockWords;
  for (;; ++word) {
    assert(word < end);
    const std::uint64_t here = popcount(words_[word]);
    if (left < here) break;
    left -= here;
  }
  return (word - begin) * 64 + select_in_word(words_[word], left);
}

SampleBitmap::Run SampleBitmap::run_at(std::size_t shard, std::uint64_t place) const {
  const std::uint64_t begin = begins_[shard];
  // Set bits of all shards before a word.
  const auto before = [this](std::uint64_t word) {
    std::uint64_t bits = ranks_[word / kBlockWords];
    for (std::uint64_t i = word / kBlockWords * kBlockWords; i < word; ++i) {
      bits += popcount(words_[i]);
    }
    return bits;
  };
  std::uint64_t word = begin + place / 64;
  std::uint64_t here = words_[word] & (~std::uint64_t{0} >> (63 - place % 64));
  const std::uint64_t set_bits = before(word) - before(begin) + popcount(here);
  while (here == 0) here = words_[--word];
  return {set_bits, (word - begin) * 64 + 63 - static_cast<std::uint64_t>(std::countl_zero(here))};
}

std::uint64_t SampleBitmap::hash() const {
  std::uint64_t hash = words_.size();
  for (const std::uint64_t word : words_) hash = mix(hash, word);
  return hash;
}

}  // namespace millrace
