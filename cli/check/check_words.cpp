#include <algorithm>
#include <numeric>

#include "check/check_report.h"

namespace millrace::cli {

std::string place_text(std::uint64_t offset, OffsetUnit unit) {
  if (offset == Error::kNoOffset) return {};
  return (unit == OffsetUnit::row ? "row " : "offset ") + std::to_string(offset);
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
