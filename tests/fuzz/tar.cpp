// Any bytes are a shard: reading it must end, stay inside the bytes, and account for every entry.

#include <cstdint>
#include <vector>

#include "millrace/formats/shard.h"
#include "sample_reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto source =
      millrace::memory_source("fuzz.tar", std::vector<std::uint8_t>(data, data + size));
  const auto shard = millrace::tar_shard(source, {.max_expanded_bytes = 1 << 20});
  const std::uint64_t touched =
      millrace::fuzz::read_samples(*shard, size, millrace::fuzz::check_fields);
  return touched == ~std::uint64_t{0} ? 1 : 0;
}
