#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/arrow_ext/column.h"

namespace millrace::arrow_ext {

/// Appends a value that is neither null, text, bytes nor nested as the text that Python has for it:
/// - integers, `true`, `false`; floating-point numbers with the fewest digits that give the same
///   double (`0.1`, `1.0`, `1e+16`), `NaN`, `Infinity`, `-Infinity`, as json.dumps writes them;
/// - decimals with all their digits, `1.230`;
/// - dates `2020-01-31`, times `23:59:59.000001`, timestamps `2020-01-31 23:59:59` with
/// microseconds
///   where there are any and nanoseconds likewise, `+00:00` behind those of a time zone (they are
///   given in UTC);
/// - durations as seconds, `86400.5`;
/// - what Arrow writes for intervals, unions and run-end-encoded values.
void append_value(const Column& column, std::int64_t row, std::vector<std::uint8_t>& text);

/// The same as a JSON value: decimals, times and the last of them as strings, and null for numbers
/// that JSON does not have.
void append_json_value(const Column& column, std::int64_t row, std::vector<std::uint8_t>& json);

void append_text(std::string_view text, std::vector<std::uint8_t>& to);

/// A message of Arrow's without its line ends.
std::string one_line(std::string message);

}  // namespace millrace::arrow_ext
