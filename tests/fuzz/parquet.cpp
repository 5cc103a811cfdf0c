// Any bytes are a Parquet file: reading it must end, stay inside the bytes and the limits.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/arrow_ext/parquet_shard.h"
#include "table_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto source =
      millrace::memory_source("fuzz.parquet", std::vector<std::uint8_t>(data, data + size));
  const auto groups = millrace::arrow_ext::parquet_row_groups(source);
  if (!groups) return 0;
  std::uint64_t touched = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(*groups, 4); ++i) {
    const auto shard = millrace::arrow_ext::parquet_shard("fuzz.parquet#" + std::to_string(i),
                                                          source, millrace::fuzz::small_limits());
    if (shard) touched += millrace::fuzz::read_rows(**shard);
  }
  return touched == ~std::uint64_t{0} ? 1 : 0;
}
