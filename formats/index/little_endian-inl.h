#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::little_endian {

/// The unsigned integer whose bytes begin at `data`, which may lie anywhere.
template <typename Integer>
Integer load(const std::uint8_t* data) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value |= static_cast<Integer>(static_cast<Integer>(data[i]) << (8 * i));
  }
  return value;
}

template <typename Integer>
void store(std::uint8_t* data, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    data[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

template <typename Integer>
void append(std::vector<std::uint8_t>& bytes, Integer value) {
  bytes.resize(bytes.size() + sizeof(Integer));
  store(bytes.data() + bytes.size() - sizeof(Integer), value);
}

}  // namespace millrace::little_endian
