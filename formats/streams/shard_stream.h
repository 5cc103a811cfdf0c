#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

struct ShardStreamOptions {
  /// Whether `pipe:COMMAND` runs its command. Only for specs that nobody else could have written.
  bool allow_commands = false;
  /// A sample that needs more memory than this, from its beginning to the end of the header behind
  /// it, is an error, and ends its stream.
  std::uint64_t max_sample_bytes = std::uint64_t{1} << 30;
  ReadLimits limits = {};
};

/// Consecutive samples of one stream, in memory.
struct StreamBlock {
  /// Its name is the stream's spec, and its offsets are those in the stream. Lives on its own: the
  /// stream may be gone. `source().bytes()` begins at `begin_bytes`.
  std::shared_ptr<const Shard> shard;
  /// What `shard` holds, as `Shard::index` gives it. Over all blocks of a stream the offsets and
  /// the counts are those of the same bytes in a mapped file, plus one damaged place at the end
  /// where reading failed or a command did.
  ShardIndex index;
  std::size_t stream = 0;         ///< which of the specs
  std::uint64_t begin_bytes = 0;  ///< what `skip_to` takes to give this block again
  /// Where the next block of this stream begins; of the last one, where reading ended.
  std::uint64_t end_bytes = 0;
  bool is_last_of_stream = false;
};

/// Reads tar shards that come as streams, compressed or not, block by block: samples of a block can
/// be read in any order. All bytes and offsets are those of the unpacked stream. Memory: the
/// block's bytes (at most `max_bytes`, or one sample) and the sample behind it. Not thread-safe,
/// except `request_stop`.
///
/// A block is a function of the stream's bytes, its beginning and the two limits; how the bytes
/// arrive changes nothing. Samples, keys, damage and counts are what `open_shard` gives for the
/// same bytes; as there, what follows damage is not read.
class ShardStream {
 public:
  enum class Outcome : std::uint8_t { block, end, stopped };

  /// Each spec is one shard: `-` (standard input, from where it stands), a path (of a fifo, a
  /// device, a file), or `pipe:COMMAND` (its output; /bin/sh runs it). Streams are opened when they
  /// are come to. A shell says of a pipeline only whether its last command failed: a download
  /// should be the last, or run under `bash -c 'set -o pipefail; ...'`. Errors: io_error for a
  /// command that is not allowed, or `-` given twice.
  static Result<std::unique_ptr<ShardStream>> open(std::vector<std::string> specs,
                                                   const ShardStreamOptions& options = {});
  /// Kills a command that still runs.
  ~ShardStream();
  ShardStream(const ShardStream&) = delete;
  ShardStream& operator=(const ShardStream&) = delete;

  std::size_t streams() const;
  std::string_view name(std::size_t stream) const;

  /// Reads the next block of at most `max_samples` entries (samples and damaged places) and, unless
  /// it holds a single sample, of at most `max_bytes` bytes; both at least 1
  /// (std::invalid_argument). Every stream gives at least one block, be it without entries. Small
  /// blocks are slow: megabytes are well.
  ///
  /// A read that fails, a command that fails and damaged compression are damaged places at the
  /// stream's end, so neither looks like the end of the data. A damaged place may be the only entry
  /// of its block. Errors: io_error if a stream cannot be opened, or is compressed in a way that is
  /// not read, with its spec as shard; the next call goes on with the next stream.
  Result<Outcome> next_block(std::uint64_t max_samples, std::uint64_t max_bytes,
                             StreamBlock& block);

  /// Opens `stream` anew (std::invalid_argument if there is none) and lets the next block begin at
  /// `offset_bytes`, a block's `begin_bytes` or a sample's offset. Where the stream cannot seek,
  /// what comes before is read and dropped. Returns early once asked to stop. Errors: io_error as
  /// of `next_block`; if the stream ends before; of standard input, if some of it was read before.
  Result<void> skip_to(std::size_t stream, std::uint64_t offset_bytes);

  /// Ends the wait of a call in progress: it and all later ones give Outcome::stopped. For any
  /// thread, while the object lives.
  void request_stop();

 private:
  class Impl;
  explicit ShardStream(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
