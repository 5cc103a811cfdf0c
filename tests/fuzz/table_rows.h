#pragma once

#include <cstdint>
#include <cstdlib>

#include "millrace/formats/shard.h"

namespace millrace::fuzz {

inline ReadOptions small_limits() {
  ReadOptions options;
  options.limits.max_unpacked_bytes = 64 << 20;
  options.limits.max_expanded_bytes = 1 << 20;
  return options;
}

/// Reads every row and touches every byte of it; aborts where an error does not say its row.
/// Returns a sum, so that nothing is optimised away.
inline std::uint64_t read_rows(const Shard& shard) {
  const auto index = shard.index();
  if (!index) std::abort();
  Sample sample;
  std::uint64_t touched = 0;
  std::uint64_t errors = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    touched += shard.will_need(offset, offset + 1);
    if (const auto read = shard.read(offset, sample); !read) {
      if (read.error().offset_bytes != offset || read.error().unit != OffsetUnit::row) std::abort();
      ++errors;
      continue;
    }
    for (const Field& field : sample.fields()) {
      for (const std::uint8_t byte : field.data) touched += byte;
    }
  }
  if (errors < index->damaged) std::abort();
  return touched;
}

}  // namespace millrace::fuzz
