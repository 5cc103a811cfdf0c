// Any bytes are an Arrow file: reading it must end, stay inside the bytes and the limits.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/arrow_ext/arrow_shard.h"
#include "table_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto source =
      millrace::memory_source("fuzz.arrow", std::vector<std::uint8_t>(data, data + size));
  const auto shard =
      millrace::arrow_ext::arrow_shard("fuzz.arrow", source, millrace::fuzz::small_limits());
  return shard && millrace::fuzz::read_rows(**shard) == ~std::uint64_t{0} ? 1 : 0;
}
