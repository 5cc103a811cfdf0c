#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/formats/streams/shard_stream.h"
#include "scratch_folder.h"

namespace millrace::test {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

/// All that reading a shard gives, mapped or as a stream.
struct StreamContent {
  std::vector<std::string> entries;  ///< a line each, with all that reading it gives
  std::uint64_t damaged = 0;
  SkippedRecords skipped;
  std::vector<std::uint64_t> begins;  ///< of the blocks
  std::vector<std::size_t> counts;
  std::uint64_t end = 0;

  /// The same samples, damage and counts, however they lie in blocks.
  bool gives_the_same_as(const StreamContent& other) const;
  /// The entries that are no damage.
  std::vector<std::string> samples() const;
};

StreamContent mapped(const std::string& path);
/// From where the stream stands to its end.
StreamContent rest_of(ShardStream& stream, std::uint64_t max_samples = kAll,
                      std::uint64_t max_bytes = kAll);
StreamContent streamed(const std::string& spec, std::uint64_t max_samples = kAll,
                       std::uint64_t max_bytes = kAll, const ShardStreamOptions& options = {});

/// A fifo into which a thread writes `bytes`, which must outlive it.
class Fifo {
 public:
  Fifo(const ScratchFolder& folder, const std::vector<std::uint8_t>& bytes, std::size_t piece);
  ~Fifo();
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::string path_;
  std::thread writer_;
};

/// A tar with every kind of member, and blocks of several sizes.
std::vector<std::uint8_t> varied_shard();

}  // namespace millrace::test
