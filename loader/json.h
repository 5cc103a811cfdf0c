#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// `text` as it may stand in a JSON string: bytes that are not UTF-8 (file names, keys) become
/// `\xNN`.
std::string printable_utf8(std::string_view text);

/// 16 digits: many readers of JSON keep numbers as doubles, which do not hold 64 bits.
std::string hexadecimal(std::uint64_t number);

}  // namespace millrace
