#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// Bash's brace expansion, without touching any file: `{a,b}` and ranges `{000..009}`, `{9..0}`,
/// `{0..10..2}`, `{a..e}`, nested and side by side, the leftmost varying slowest. A range is padded
/// to the longer of its ends if one of them begins with 0. Braces that hold neither a comma nor a
/// range stay as they are; `\{`, `\}` and `\,` are the characters themselves.
/// Errors (io_error): an unbalanced brace, a range beyond 64 bits, braces nested more than 64 deep,
/// more than `max_results` results. The number is checked before any result is made.
Result<std::vector<std::string>> expand_braces(std::string_view text, std::size_t max_results);

}  // namespace millrace
