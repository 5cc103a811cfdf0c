// Any bytes are an index file: opening it and taking all from it must end, stay inside the bytes,
// and give for every shard as many offsets as it says there are samples.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <zlib.h>

#include "millrace/formats/index/little_endian-inl.h"
#include "millrace/formats/index/sample_index.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

using millrace::little_endian::load;
using millrace::little_endian::store;

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kTrailerBytes = 104;

std::uint32_t checksum(const std::uint8_t* data, std::size_t size) {
  return static_cast<std::uint32_t>(crc32_z(0, data, size));
}

// Nearly every mutation breaks a checksum, and then nothing behind it is reached.
void repair(std::uint8_t* data, std::size_t size) {
  if (size < kHeaderBytes + kTrailerBytes) return;
  store<std::uint32_t>(data + 12, checksum(data, 12));
  for (std::size_t at = kHeaderBytes; at + 120 <= size && std::memcmp(data + at, "SHRD", 4) == 0;) {
    const auto length = load<std::uint64_t>(data + at + 8);
    if (length < 120 || length > size - at) break;
    store<std::uint32_t>(data + at + 4,
                         checksum(data + at + 8, static_cast<std::size_t>(length) - 8));
    at += static_cast<std::size_t>(length);
  }
  std::uint8_t* trailer = data + size - kTrailerBytes;
  const auto names = load<std::uint64_t>(trailer);
  if (names <= size - kTrailerBytes) {
    store<std::uint32_t>(trailer + 88, checksum(data + names, size - kTrailerBytes -
                                                                  static_cast<std::size_t>(names)));
  }
  store<std::uint32_t>(trailer + 92, checksum(trailer, 92));
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) repair(data, mutated);
  return mutated;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  const millrace::WholeBlocks whole = millrace::whole_blocks(bytes);
  require(whole.end_bytes <= size);
  const auto index = millrace::SampleIndex::open(millrace::memory_source("fuzz.index", bytes));
  if (!index) {
    require(!index.error().message.empty() && index.error().shard == "fuzz.index");
    return 0;
  }
  for (std::size_t i = 0; i < (*index)->shards(); ++i) {
    const std::string name((*index)->name(i));
    (void)(*index)->find(name);
    require((*index)->path(i).ends_with(name));
    const auto block = (*index)->block(i);
    if (!block) continue;
    require(block->samples() == (*index)->samples(i));
    const auto shard = block->decode();
    if (!shard || !shard->sample_offsets) continue;
    require(shard->sample_offsets->size() == shard->samples);
    // They may be larger than the file: unpacked bytes, or numbers of the files in a folder.
    require(std::is_sorted(shard->sample_offsets->begin(), shard->sample_offsets->end()));
    for (const auto& column : shard->columns) require(column.values.size() == shard->samples);
    require(millrace::IndexBlock::parse(millrace::encode_block(*shard)).has_value());
  }
  return 0;
}
