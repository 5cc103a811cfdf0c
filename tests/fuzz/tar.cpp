// Any bytes are a shard: reading it must end, stay inside the bytes, and account for every entry.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "millrace/formats/shard.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

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
