#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "millrace/formats/streams/shard_stream.h"
#include "millrace/loader/batch_samples.h"
#include "millrace/loader/options.h"

namespace millrace {

/// The blocks of streams without an index, read ahead by a thread of its own. Used by one thread;
/// `stop` and destruction end a read that waits.
class BlockReader {
 public:
  /// A block and what is known of it without looking inside.
  struct Numbered {
    StreamBlock block;
    std::uint64_t samples_before = 0;  ///< of the epoch
    std::uint64_t blocks_before = 0;   ///< of the epoch

    std::uint64_t samples() const { return block.index.sample_offsets.size(); }
    std::uint64_t end() const { return samples_before + samples(); }
  };
  using Block = std::shared_ptr<const Numbered>;

  /// A block has at most so many samples and, unless it is a single one, bytes.
  struct Limits {
    std::uint64_t samples;
    std::uint64_t bytes;
  };

  /// Opens nothing yet. Throws LoaderError where a spec may not be read.
  BlockReader(std::vector<std::string> specs, const ShardStreamOptions& options,
              const Limits& limits);
  ~BlockReader();
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;

  std::size_t streams() const { return stream_->streams(); }
  std::string name(std::size_t stream) const { return std::string(stream_->name(stream)); }

  /// Drops what was read and lets the blocks begin there, once they are asked for.
  void begin_at(const ResumePoint::InStream& point);
  /// The next block; nothing in it at the end of the last stream. Throws LoaderError where a stream
  /// cannot be opened.
  EpochSamples::Next next(Block& block, const EpochSamples::Deadline& deadline);

 private:
  void start();
  void stop();
  void read(const std::stop_token& stopped);
  bool push(Block block, const std::stop_token& stopped);

  static constexpr std::size_t kReadAhead = 1;  // blocks, besides the one that is being read

  std::vector<std::string> specs_;
  ShardStreamOptions options_;
  Limits limits_;
  std::unique_ptr<ShardStream> stream_;
  ResumePoint::InStream begin_;
  bool read_before_ = false;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Block> ready_;  // an empty pointer is the end
  std::optional<Error> error_;
  std::jthread thread_;  // the last member: it ends before what it uses
};

/// What one rank delivers of an epoch over streams. Each block is shuffled within itself, by
/// (seed, epoch, its number); every rank reads all streams and takes its positions. `reader` must
/// outlive it.
std::unique_ptr<EpochSamples> stream_samples(BlockReader& reader, const LoaderOptions& options,
                                             std::uint64_t epoch, const ResumePoint& point);

}  // namespace millrace
