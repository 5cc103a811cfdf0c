#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "millrace/loader/loader.h"
#include "scratch_folder.h"

namespace millrace::test {

/// Shards of small samples for loader tests: sample n (counting through the shards) has the key
/// "00n", `txt` "caption n" and `num` n. A number in `bad` gets a `num` that is none.
class Shards {
 public:
  explicit Shards(const std::vector<std::uint64_t>& samples_of_shard,
                  const std::set<std::uint64_t>& bad = {});

  std::uint64_t total() const { return total_; }
  const ScratchFolder& folder() const { return folder_; }
  const std::vector<std::string>& paths() const { return paths_; }

  /// Options over these shards with the columns "n" (int64, from `num`) and "caption" (bytes).
  LoaderOptions options() const;

 private:
  ScratchFolder folder_;
  std::vector<std::string> paths_;
  std::uint64_t total_ = 0;
};

/// The "n" column of every batch to the end of the epoch.
std::vector<std::int64_t> drain(Loader& loader);
/// The "n" column of one batch.
std::vector<std::int64_t> numbers(const Batch& batch);

}  // namespace millrace::test
