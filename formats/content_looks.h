#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace millrace {

/// Whether a text begins with the byte order mark of UTF-16, of either order.
bool is_utf16(std::span<const std::uint8_t> bytes);

/// What bytes that are of no known format may be, and what can be done about it, for messages: "a
/// zip archive", "a JSON array; ...". Looks at the first bytes.
std::string looks_of(std::span<const std::uint8_t> bytes);

}  // namespace millrace
