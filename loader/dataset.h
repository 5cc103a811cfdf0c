#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/loader/sample_counts.h"
#include "millrace/result/result.h"

namespace millrace {

/// A list of shards as one array of samples with random access. Thread-safe once opened.
class Dataset {
 public:
  /// Runs `task(0) .. task(count - 1)` in any order, possibly in parallel, and returns when all
  /// have ended.
  using ParallelFor =
      std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

  /// Expands the specs and walks the headers of every shard, to know where each sample is. Payload
  /// is not read. Errors: a spec that names nothing, a shard that cannot be opened, no samples at
  /// all.
  static Result<std::shared_ptr<const Dataset>> open(const std::vector<std::string>& sources,
                                                     const ParallelFor& parallel_for);

  const SampleCounts& counts() const { return counts_; }
  std::uint64_t bytes() const { return bytes_; }
  std::size_t shards() const { return shards_.size(); }
  /// Shards with damaged places in them.
  std::uint64_t damaged_shards() const { return damaged_shards_; }
  const SkippedRecords& skipped_records() const { return skipped_; }
  /// Changes whenever a shard's file name, order or sample count does.
  std::uint64_t fingerprint() const { return fingerprint_; }

  /// Fills `sample`, which views into `shard` (kept open by the caller for as long as it looks).
  Result<void> read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const;

  /// Asks the system to read that sample soon; returns how many bytes it will touch, 0 if unknown.
  std::uint64_t will_need(SampleId id) const;

 private:
  struct Entry {
    std::string path;
    std::uint64_t bytes = 0;
    std::vector<std::uint64_t> sample_offsets;
  };

  // Shards stay mapped while they are used; of the others only the latest few, since a process may
  // hold a limited number of files.
  static constexpr std::size_t kMostOpenShards = 256;
  struct OpenShard {
    std::shared_ptr<const Shard> shard;
    std::list<std::size_t>::iterator recency;
  };

  Dataset(std::vector<Entry> shards, const std::vector<std::uint64_t>& counts);
  Result<std::shared_ptr<const Shard>> opened(std::size_t shard) const;
  Result<std::shared_ptr<const Shard>> open_anew(const std::string& path) const;

  std::vector<Entry> shards_;
  SampleCounts counts_;
  std::uint64_t bytes_ = 0;
  std::uint64_t damaged_shards_ = 0;
  SkippedRecords skipped_;
  std::uint64_t fingerprint_ = 0;

  mutable std::mutex mutex_;
  mutable std::unordered_map<std::size_t, OpenShard> open_;
  mutable std::list<std::size_t> recently_used_;  // the latest first
};

}  // namespace millrace
