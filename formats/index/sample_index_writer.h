#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/result/result.h"

namespace millrace {

/// Makes an index file. Blocks are written as they come to FILE.partial, which a later run takes up
/// where this one was interrupted; finish() completes it and renames it to FILE. While one process
/// writes, others are refused (flock, where the file system has it).
class SampleIndexWriter {
 public:
  enum class Interrupted : std::uint8_t {
    take_up,  ///< keep the whole blocks of an interrupted run
    discard,
  };

  /// Errors: io_error; so if another process is writing the same index.
  static Result<std::unique_ptr<SampleIndexWriter>> open(const std::string& path,
                                                         Interrupted interrupted);
  ~SampleIndexWriter();
  SampleIndexWriter(const SampleIndexWriter&) = delete;
  SampleIndexWriter& operator=(const SampleIndexWriter&) = delete;

  /// The blocks of the interrupted run; their numbers are their positions here. Views that live as
  /// long as this.
  std::span<const IndexBlock> taken_up() const { return taken_up_; }

  /// Writes a block; returns its number. Thread-safe.
  Result<std::size_t> add(const IndexBlock& block);

  /// Completes the index: its list of shards, each by the number of its block, which several may
  /// share.
  Result<void> finish(std::span<const std::size_t> shards);

 private:
  SampleIndexWriter(std::string path, int file);
  Result<void> take_up(Interrupted interrupted);
  Result<void> append(std::span<const std::uint8_t> bytes);

  std::string path_;
  std::string partial_path_;
  int file_;
  std::shared_ptr<const ByteSource> interrupted_;  // what taken_up_ views into
  std::vector<IndexBlock> taken_up_;

  std::mutex mutex_;
  IndexLayout layout_;
  std::uint64_t end_bytes_ = 0;
};

/// Writes an index of these blocks, one a shard, all at once under a name of its own and renames it
/// to `path`: several processes may do so at the same time, the last one counts.
/// Errors: io_error.
Result<void> write_index(const std::string& path, std::span<const IndexBlock> blocks);

}  // namespace millrace
