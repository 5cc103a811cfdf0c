#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::cli {

/// The length of the UTF-8 character (RFC 3629) that `text` begins with, which is not empty; 0 if
/// it begins with none.
std::size_t utf8_character_bytes(std::string_view text);

/// UTF-8 without control characters other than tab and line ends.
bool is_plain_text(std::string_view text);

/// UTF-8 without NULs: what is worth showing, `escaped`.
bool is_utf8(std::string_view text);

/// Serialized JSON with the characters that `escaped` would replace as JSON's own escapes.
std::string escaped_json(std::string_view json);

/// The text as a terminal may show it: what is no UTF-8, and control characters (also those of
/// U+0080 to U+009F and the ones that turn the direction of writing), as `\xNN` or `\u{NNNN}`; line
/// feeds and tabs, too, unless `lines`.
std::string escaped(std::string_view text, bool lines = false);

}  // namespace millrace::cli
