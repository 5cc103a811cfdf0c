#pragma once

#include <cstdint>
#include <string>

#include <hwy/targets.h>

namespace millrace::test {

/// Runs `body` once for each set of vector instructions that this processor has.
template <typename Body>
void for_each_vector_target(Body body) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t left = supported; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body(std::string(hwy::TargetName(target)));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace millrace::test
