#include "progress_line.h"

#include <unistd.h>
#include <algorithm>
#include <cstdio>

namespace millrace::cli {

ProgressLine::ProgressLine() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

bool ProgressLine::is_due() const { return on_terminal_ && seconds_since(shown_) > 0.2; }

void ProgressLine::show(const std::string& line) {
  if (!on_terminal_) return;
  shown_ = Clock::now();
  // Back to the left, the line, and nothing of a longer one behind it.
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
}

void ProgressLine::clear() const {
  if (on_terminal_) std::fprintf(stderr, "\r\033[K");
}

std::string ProgressLine::bar(double share) {
  constexpr std::size_t kWidth = 30;
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kWidth);
  return "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "]";
}

}  // namespace millrace::cli
