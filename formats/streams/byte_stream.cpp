#include "millrace/formats/streams/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "millrace/formats/streams/child_command.h"

namespace millrace {

namespace {

/// Reads a descriptor as it comes. `waits_first`: a read that finds nothing would not say so, but
/// block, or call a fifo ended that no writer has opened yet.
Result<std::size_t> read_some(int descriptor, std::span<std::uint8_t> room, const StopSignal& stop,
                              bool waits_first) {
  if (waits_first) stop.wait(descriptor, -1);
  while (!stop.requested()) {
    const ssize_t count = ::read(descriptor, room.data(), room.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      stop.wait(descriptor, -1);
    } else if (errno != EINTR) {
      return system_failure({}, "cannot read", errno);
    }
  }
  return 0;
}

class DescriptorStream final : public ByteStream {
 public:
  /// Owns `descriptor`. `shared`: other processes have it, too, so it may block and must stay so.
  DescriptorStream(int descriptor, bool shared, const StopSignal& stop)
      : descriptor_(descriptor),
        begin_(::lseek(descriptor, 0, SEEK_CUR)),
        shared_(shared),
        stop_(stop) {}
  DescriptorStream(const DescriptorStream&) = delete;
  ~DescriptorStream() override { ::close(descriptor_); }

  Result<std::size_t> read(std::span<std::uint8_t> room) override {
    auto count = read_some(descriptor_, room, stop_, waits_first_);
    waits_first_ = shared_;
    return count;
  }

  Result<bool> seek(std::uint64_t offset_bytes) override {
    struct stat status = {};
    if (::fstat(descriptor_, &status) != 0) return system_failure({}, "cannot stat", errno);
    if (!S_ISREG(status.st_mode)) return false;
    if (begin_ < 0) return system_failure({}, "cannot seek", errno);
    const auto size = static_cast<std::uint64_t>(status.st_size - begin_);
    if (status.st_size < begin_ || size < offset_bytes) {
      return fail(Reason::io_error, "the stream ends at byte " + std::to_string(size) +
                                        ", before byte " + std::to_string(offset_bytes) +
                                        ", where reading was to go on");
    }
    if (::lseek(descriptor_, begin_ + static_cast<off_t>(offset_bytes), SEEK_SET) < 0) {
      return system_failure({}, "cannot seek", errno);
    }
    return true;
  }

  Result<void> check_end() override { return {}; }

 private:
  int descriptor_;
  off_t begin_;  // where the stream was opened; negative: it cannot seek
  bool shared_;
  bool waits_first_ = true;
  const StopSignal& stop_;
};

class CommandStream final : public ByteStream {
 public:
  CommandStream(std::unique_ptr<ChildCommand> command, const StopSignal& stop)
      : command_(std::move(command)), stop_(stop) {}

  Result<std::size_t> read(std::span<std::uint8_t> room) override {
    return read_some(command_->output(), room, stop_, false);
  }
  Result<bool> seek(std::uint64_t /*offset_bytes*/) override { return false; }
  Result<void> check_end() override { return command_->wait(stop_); }

 private:
  std::unique_ptr<ChildCommand> command_;
  const StopSignal& stop_;
};

}  // namespace

Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& spec,
                                                     const StopSignal& stop) {
  if (spec.starts_with(ByteStream::kCommandPrefix)) {
    auto command = ChildCommand::start(spec.substr(ByteStream::kCommandPrefix.size()));
    if (!command) return tl::unexpected<Error>(std::move(command.error()));
    return std::make_unique<CommandStream>(std::move(*command), stop);
  }
  const bool standard_input = spec == ByteStream::kStandardInput;
  const int descriptor = standard_input
                             ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                             : ::open(spec.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return system_failure({}, "cannot open", errno);
  auto stream = std::make_unique<DescriptorStream>(descriptor, standard_input, stop);
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) return system_failure({}, "cannot stat", errno);
  if (S_ISDIR(status.st_mode)) return fail(Reason::io_error, "cannot read: it is a folder");
  if (::isatty(descriptor) == 1) return fail(Reason::io_error, "cannot read: it is a terminal");
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  return stream;
}

}  // namespace millrace
