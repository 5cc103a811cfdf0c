// Mutates tar archives so that their headers stay right.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr std::size_t kBlock = 512;

// What looks like a header's checksum field, right or wrong.
bool has_checksum_field(const std::uint8_t* block) {
  return block[154] == 0 && std::all_of(block + 148, block + 154, [](std::uint8_t byte) {
           return byte >= '0' && byte <= '7';
         });
}

void repair_checksum(std::uint8_t* block) {
  std::fill_n(block + 148, 8, std::uint8_t{' '});
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += block[i];
  char text[8];
  std::snprintf(text, sizeof(text), "%06o", sum);
  std::memcpy(block + 148, text, 7);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

// Nearly every mutation of a header breaks its checksum, and then nothing behind it is reached.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 0) return mutated;
  for (std::size_t at = 0; at + kBlock <= mutated; at += kBlock) {
    if (has_checksum_field(data + at)) repair_checksum(data + at);
  }
  return mutated;
}
