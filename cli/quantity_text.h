#pragma once

#include <cstdint>
#include <string>

namespace millrace::cli {

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);
/// "12.3 MB".
std::string bytes_text(std::uint64_t bytes);
/// Part of whole as "3.4 %"; never 0 % or 100 % where it is not.
std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace millrace::cli
