#pragma once

#include <cstddef>
#include <cstdint>

#include "millrace/formats/shard.h"
#include "require.h"

namespace millrace::fuzz {

/// Reads every entry of a shard of `size` bytes, and touches every byte of its fields: samples do
/// not overlap and stay inside the bytes, errors say where they are, and none of the damage is
/// silent. Calls `check` with each sample. Returns a sum, so that nothing is optimised away.
template <class Check>
std::uint64_t read_samples(const Shard& shard, std::size_t size, const Check& check) {
  const auto index = shard.index();
  require(index.has_value());
  Sample sample;
  std::uint64_t errors = 0;
  std::uint64_t end_of_last = 0;
  std::uint64_t touched = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    require(offset >= end_of_last && offset <= size);
    if (const auto read = shard.read(offset, sample); !read) {
      require(read.error().offset_bytes == offset);
      ++errors;
      continue;
    }
    require(sample.begin_bytes() == offset && sample.end_bytes() > offset);
    require(sample.end_bytes() <= size);
    check(sample);
    end_of_last = sample.end_bytes();
    for (const Field& field : sample.fields()) {
      for (const std::uint8_t byte : field.data) touched += byte;
    }
  }
  require(errors >= index->damaged);
  return touched;
}

/// What holds of a sample in which no two fields have a name.
inline void check_fields(const Sample& sample) {
  require(!sample.fields().empty());
  for (const Field& field : sample.fields()) require(sample.find(field.name) == &field);
}

}  // namespace millrace::fuzz
