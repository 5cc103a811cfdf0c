#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::test {

/// What `compressed` takes: all compressions that are read.
const std::vector<std::string>& compressions();
/// Those of them that have a checksum over all of the data, and members that may follow each other.
const std::vector<std::string>& checked_compressions();

/// `bytes` as one member (frame, stream) of that compression, with its checksum.
std::string compressed(const std::string& compression, std::string_view bytes);

/// What libarchive unpacks a file to.
std::vector<std::uint8_t> decompressed(const std::string& path);

}  // namespace millrace::test
