#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "millrace/loader/planned_epoch.h"
#include "millrace/loader/reading_threads.h"

namespace millrace {

/// Opens the units of an epoch on the loader's threads before their samples' turn comes. What it
/// has open or opens is what the batches in flight may need and what comes next, as much as fits
/// into OpenShards' limits and no more, so nothing is let go of that is needed sooner. Errors are
/// left to who reads the samples. Thread-safe.
class OpeningAhead : public std::enable_shared_from_this<OpeningAhead> {
 public:
  /// `in_flight`: batches that may be worked on at a time, besides the one announced.
  OpeningAhead(std::shared_ptr<const PlannedEpoch> epoch, ReadingThreads threads,
               std::uint64_t in_flight)
      : epoch_(std::move(epoch)), threads_(std::move(threads)), in_flight_(in_flight) {}

  /// Batch `number` of the epoch's slice is about to be worked on. Does not wait. Calls must not
  /// overlap.
  void announce(std::uint64_t number);
  /// Begins no opening any more.
  void stop();

 private:
  struct Unit {
    std::size_t source;
    std::uint64_t shard;
    bool operator==(const Unit&) const = default;
  };
  std::vector<Unit> wanted_from(std::uint64_t number) const;
  void post();  // under the lock
  void open_next();

  std::shared_ptr<const PlannedEpoch> epoch_;
  ReadingThreads threads_;
  std::uint64_t in_flight_;

  std::mutex mutex_;
  std::deque<Unit> to_open_;  // the most urgent first
  std::size_t posted_ = 0;
};

}  // namespace millrace
