#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// `text` as it may stand in a JSON string: bytes that are not UTF-8 (file names, keys) become
/// `\xNN`.
std::string printable_utf8(std::string_view text);

}  // namespace millrace
