#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::cli {

using Clock = std::chrono::steady_clock;

/// As `%llu` takes it.
inline unsigned long long printf_number(std::uint64_t number) { return number; }

double seconds_since(Clock::time_point begin);
/// User and system time of this process and all its threads.
double cpu_seconds_so_far();
std::uint64_t peak_rss_bytes();

}  // namespace millrace::cli
