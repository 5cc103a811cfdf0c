#include "run_cost.h"

#include <sys/resource.h>

namespace millrace::cli {

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

rusage usage_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

}  // namespace

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds_so_far() {
  const rusage usage = usage_so_far();
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

std::uint64_t peak_rss_bytes() {
  return static_cast<std::uint64_t>(usage_so_far().ru_maxrss) * 1024;
}

}  // namespace millrace::cli
