#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace {

/// The steps of a sample whose time is counted.
enum class Stage : std::uint8_t { read, decode, resize, normalize, tokenize, copy };
inline constexpr std::size_t kStageCount = 6;
std::string_view stage_name(Stage stage);

/// Counters of one worker. Not thread-safe: each worker has its own, summed by who shows them.
struct StageTimes {
  struct Counter {
    std::uint64_t items = 0;
    std::uint64_t bytes = 0;  ///< what went into the stage
    std::uint64_t nanoseconds = 0;
  };
  std::array<Counter, kStageCount> stages{};

  Counter& operator[](Stage stage) { return stages[static_cast<std::size_t>(stage)]; }
  const Counter& operator[](Stage stage) const { return stages[static_cast<std::size_t>(stage)]; }

  StageTimes& operator+=(const StageTimes& more);
};

/// Adds the time from construction to destruction to one stage.
class StageTimer {
 public:
  StageTimer(StageTimes& times, Stage stage, std::uint64_t bytes)
      : counter_(times[stage]), begin_(std::chrono::steady_clock::now()) {
    ++counter_.items;
    counter_.bytes += bytes;
  }
  ~StageTimer() {
    const auto elapsed = std::chrono::steady_clock::now() - begin_;
    counter_.nanoseconds += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  StageTimes::Counter& counter_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace millrace
