#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// A run of immutable bytes with a name: a mapped file or memory. Thread-safe. Spans handed out
/// stay valid as long as the source lives.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// The path, or the name given to a memory source; what errors call the shard.
  virtual std::string_view name() const = 0;
  virtual std::span<const std::uint8_t> bytes() const = 0;

  /// An io_error if the file is no longer as long as when it was mapped. To be asked before bytes
  /// are touched: reading past the end of a shrunken mapped file is fatal to the process (SIGBUS).
  virtual Result<void> check_unchanged() const { return {}; }

  /// Asks the system to read [begin, end) soon. Never fails, may do nothing.
  virtual void will_need(std::uint64_t begin_bytes, std::uint64_t end_bytes) const;
  /// Gives the resident pages of [begin, end) back. Bytes stay readable (from the page cache).
  virtual void done_with(std::uint64_t begin_bytes, std::uint64_t end_bytes) const;

 protected:
  ByteSource() = default;
};

/// Maps a local file read-only. An empty file is a source of 0 bytes.
/// Errors: io_error with the path and the system's reason.
Result<std::shared_ptr<const ByteSource>> map_file(const std::string& path);

std::shared_ptr<const ByteSource> memory_source(std::string name, std::vector<std::uint8_t> bytes);

}  // namespace millrace
