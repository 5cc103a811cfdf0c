#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace {

/// Adds a JSON string that says `text`, which must be UTF-8, with its quotes. Other characters than
/// quotes, backslashes and control characters stay as they are.
void append_json_string(std::string_view text, std::vector<std::uint8_t>& json);

/// Adds what a valid JSON string, given as it is written with its quotes, says as UTF-8. False for
/// a lone surrogate, for which UTF-8 has no bytes.
bool append_unescaped(std::string_view written, std::vector<std::uint8_t>& text);

/// Where a text stops being UTF-8; npos: nowhere.
std::size_t first_bad_utf8(std::string_view text);

}  // namespace millrace
