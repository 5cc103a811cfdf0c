#pragma once

#include <cstdint>
#include <span>

#include <zlib.h>

namespace millrace {

/// The CRC-32 of gzip and PNG, of what `before` is the CRC of followed by `bytes`.
inline std::uint32_t crc32_of(std::span<const std::uint8_t> bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(crc32_z(before, bytes.data(), bytes.size()));
}

}  // namespace millrace
