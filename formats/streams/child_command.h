#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "millrace/formats/streams/stop_signal.h"
#include "millrace/result/result.h"

namespace millrace {

/// A shell command whose output is read. It has a process group of its own, which is killed with
/// this object. Not thread-safe.
class ChildCommand {
 public:
  /// Runs `/bin/sh -c command`: its standard output is a pipe, its standard input is empty, its
  /// errors go where this process' go. Errors: io_error with the system's reason.
  static Result<std::unique_ptr<ChildCommand>> start(const std::string& command);
  ~ChildCommand();
  ChildCommand(const ChildCommand&) = delete;
  ChildCommand& operator=(const ChildCommand&) = delete;

  /// The pipe's end to read from; it does not block.
  int output() const { return output_; }

  /// Waits for the command's end. Errors: io_error if its status is not 0, if a signal ended it, or
  /// if somebody else in this process took its status. Returns early once `stop` is requested.
  Result<void> wait(const StopSignal& stop);

 private:
  ChildCommand(pid_t process, int output) : process_(process), output_(output) {}

  pid_t process_;
  int output_;
  bool running_ = true;
};

}  // namespace millrace
