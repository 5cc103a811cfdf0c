#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "millrace/formats/shard.h"

namespace millrace::test {

/// Opens tars as if they had to be unpacked, and counts. Thread-safe; outlives what it opened.
class UnpackedShards {
 public:
  static constexpr std::uint64_t kShardBytes = std::uint64_t{2} << 30;  ///< what each one says

  /// For LoaderOptions::open_shard.
  ShardOpener opener();

  /// How long an opening takes. Before the loader is made.
  std::chrono::microseconds delay{0};
  /// Called in each opening; its error is the opening's. Before the loader is made.
  std::function<Result<void>(const std::string& path)> fault;

  void forget_counts();
  /// Openings by path since then, also those that failed.
  std::map<std::string, std::uint64_t> openings() const;
  std::uint64_t most_openings_of_one() const;
  /// The most that were open at a time.
  std::uint64_t most_open() const;
  /// The most openings of one shard that went on at a time.
  std::uint64_t most_at_once() const;

 private:
  class Opened;
  Result<std::shared_ptr<const Shard>> open(const std::string& path);

  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> openings_;
  std::map<std::string, std::uint64_t> going_on_;
  std::uint64_t open_ = 0;
  std::uint64_t most_open_ = 0;
  std::uint64_t most_at_once_ = 0;
};

}  // namespace millrace::test
