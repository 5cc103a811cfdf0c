#include <algorithm>
#include <cstdio>
#include <numeric>

#include "check/check_report.h"

namespace millrace::cli {

std::string place_text(std::uint64_t offset, OffsetUnit unit) {
  if (offset == Error::kNoOffset) return {};
  return (unit == OffsetUnit::row ? "row " : "offset ") + std::to_string(offset);
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t end = digits.size(); end > 3;) {
    end -= 3;
    digits.insert(end, ",");
  }
  return digits;
}

std::string bytes_text(std::uint64_t bytes) {
  const char* const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1000 && unit + 1 < std::size(units)) {
    size /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 || size >= 100 ? "%.0f %s" : "%.1f %s", size,
                units[unit]);
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  double share = 100 * static_cast<double>(part) / static_cast<double>(whole);
  if (part > 0) share = std::max(share, 0.01);
  if (part < whole) share = std::min(share, 99.99);
  char text[32];
  std::snprintf(text, sizeof(text),
                share < 1 || (share > 99 && part < whole) ? "%.2f %%" : "%.1f %%", share);
  return text;
}

std::vector<FindingKind> kinds_by_weight(const CheckReport& report) {
  std::vector<FindingKind> kinds;
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    const auto kind = static_cast<FindingKind>(i);
    if (report.tallies.findings.count_of(kind) > 0) kinds.push_back(kind);
  }
  std::stable_sort(kinds.begin(), kinds.end(), [&](FindingKind a, FindingKind b) {
    const Severity first = info_of(a).severity;
    const Severity second = info_of(b).severity;
    if (first != second) return first < second;
    if (first == Severity::error) return false;  // their own order is by weight
    return report.tallies.findings.count_of(a) > report.tallies.findings.count_of(b);
  });
  return kinds;
}

}  // namespace millrace::cli
