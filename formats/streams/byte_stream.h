#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/streams/stop_signal.h"
#include "millrace/result/result.h"

namespace millrace {

/// Bytes that are read once, in order: a pipe, standard input, a command's output, any file. Every
/// wait ends when the stop signal is given. Not thread-safe.
class ByteStream {
 public:
  static constexpr std::string_view kStandardInput = "-";
  static constexpr std::string_view kCommandPrefix = "pipe:";

  virtual ~ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Fills the beginning of `room` with what is there, waiting for at least one byte. 0: the end,
  /// or a stop. Errors: io_error with the system's reason.
  virtual Result<std::size_t> read(std::span<std::uint8_t> room) = 0;

  /// Goes to `offset_bytes` from where the stream was opened; false if it can only be read. Errors:
  /// io_error if the stream ends before.
  virtual Result<bool> seek(std::uint64_t offset_bytes) = 0;

  /// To be called at the end: whether it was the end that the bytes' maker meant. Errors: those of
  /// ChildCommand::wait. Returns early after a stop.
  virtual Result<void> check_end() = 0;

  /// Whether the last error was that the bytes are none that can be read here, and not damage.
  virtual bool is_refused() const { return false; }

 protected:
  ByteStream() = default;
};

/// `spec` is a path (of a fifo, a device, a file), `-`, or `pipe:COMMAND`. A fifo is opened without
/// waiting for its writer. `stop` must outlive the stream. Errors: io_error without a place.
Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& spec,
                                                     const StopSignal& stop);

}  // namespace millrace
