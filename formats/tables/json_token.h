#pragma once

#include <string_view>

namespace millrace::json {

// The parts of RFC 8259 that simdjson's on-demand parser leaves unchecked in what is only passed
// over. None of them allocates.

/// Whether this is `null`, `true`, `false` or a number, of any number of digits (section 6).
bool is_scalar_token(std::string_view token);

/// Whether the escapes of a string are well formed; `text` begins behind its opening quote, and a
/// closing one is known to follow. A lone surrogate is well formed, as in RFC 8259's grammar.
bool escapes_are_valid(const char* text);

}  // namespace millrace::json
