#pragma once

#include <string>

#include "run_cost.h"

namespace millrace::cli {

/// A line on the terminal that is written again a few times a second, from when this is made;
/// nothing where standard error is no terminal. For one thread at a time.
class ProgressLine {
 public:
  ProgressLine();

  bool is_on_terminal() const { return on_terminal_; }
  /// Whether it is time to show something new: what is shown need not be made before.
  bool is_due() const;
  void show(const std::string& line);
  /// Takes the line away.
  void clear() const;

  double seconds() const { return seconds_since(begin_); }
  /// A bar of which `share`, 0 to 1, is filled.
  static std::string bar(double share);

 private:
  bool on_terminal_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
};

}  // namespace millrace::cli
