// Any bytes are a shard: reading it must end, stay inside the bytes, and account for every entry.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "millrace/formats/shard.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto source =
      millrace::memory_source("fuzz.tar", std::vector<std::uint8_t>(data, data + size));
  const auto shard = millrace::tar_shard(source, {.max_expanded_bytes = 1 << 20});
  const auto index = shard->index();
  require(index.has_value());
  millrace::Sample sample;
  std::uint64_t errors = 0;
  std::uint64_t end_of_last = 0;
  std::uint64_t touched = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    require(offset >= end_of_last && offset <= size);
    if (const auto read = shard->read(offset, sample); !read) {
      require(read.error().offset_bytes == offset);
      ++errors;
      continue;
    }
    require(sample.begin_bytes() == offset && sample.end_bytes() > offset);
    require(sample.end_bytes() <= size && !sample.fields().empty());
    end_of_last = sample.end_bytes();
    for (const millrace::Field& field : sample.fields()) {
      require(sample.find(field.name) == &field);
      for (const std::uint8_t byte : field.data) touched += byte;
    }
  }
  require(errors >= index->damaged);
  // Keeps the reads above from being optimised away.
  return touched == ~std::uint64_t{0} ? 1 : 0;
}
