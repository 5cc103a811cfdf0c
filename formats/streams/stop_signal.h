#pragma once

#include <atomic>

namespace millrace {

/// Ends waits: once requested, every `poll` on `descriptor()` returns. Thread-safe.
class StopSignal {
 public:
  /// Throws std::system_error if the process has no descriptor left.
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void request();
  bool requested() const { return requested_.load(std::memory_order_acquire); }

  /// Waits until `descriptor` can be read or has ended, or the stop is requested, or
  /// `timeout_milliseconds` (-1: none) have passed. A negative descriptor is left out.
  void wait(int descriptor, int timeout_milliseconds) const;

 private:
  std::atomic<bool> requested_ = false;
  int event_;
};

}  // namespace millrace
