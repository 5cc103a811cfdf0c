#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "millrace/formats/tar/tar_writer.h"
#include "millrace/result/result.h"
#include "pack/pack_journal.h"
#include "pack/packed_keys.h"
#include "pack/packed_sample.h"

namespace millrace::cli {

/// When a shard is full. 0: no bound.
struct ShardBounds {
  std::uint64_t max_bytes = 0;  ///< of the file; a larger sample has a shard of its own
  std::uint64_t max_samples = 0;
};

/// The name of a shard: `pattern` has one `%d` or `%06d`.
std::string shard_name(const std::string& pattern, std::uint64_t number);

/// Writes samples one after the other into shards, and each finished one into the journal. A shard
/// is brought to the disk while the next one is written. Not thread-safe.
class PackShards {
 public:
  PackShards(std::string folder, std::string pattern, ShardBounds bounds, PackJournal& journal,
             UniqueKeys keys);
  ~PackShards();
  PackShards(const PackShards&) = delete;
  PackShards& operator=(const PackShards&) = delete;

  /// `place` is where the sample is in the sources. Errors: io_error.
  Result<void> add(PackedSample& sample, SourcePlace place);
  void skip(Error error) { current_.skipped.push_back(std::move(error)); }
  /// What the last entry, added or skipped, was read from.
  void note(const NamedFiles& named) { current_.named.add(named); }
  /// Ends the last shard; the sources end at `end`.
  Result<void> finish(SourcePlace end);

  const PackTotals& totals() const { return totals_; }

 private:
  Result<void> close_shard(SourcePlace next);
  Result<void> settle();

  std::string folder_;
  std::string pattern_;
  ShardBounds bounds_;
  PackJournal& journal_;
  UniqueKeys keys_;
  std::uint64_t number_;
  PackTotals totals_;

  std::unique_ptr<tar::Writer> writer_;  // null: the next sample begins a shard
  PackedShard current_;
  std::string name_;

  std::unique_ptr<tar::Writer> ending_;  // on its way to the disk
  PackedShard ended_;
  std::future<Result<void>> end_;
};

}  // namespace millrace::cli
