#include "millrace/formats/streams/child_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace millrace {

namespace {

/// More than a pipe holds unasked, so that the two sides wait for each other less often.
constexpr int kPipeBytes = 1 << 20;
constexpr int kLongestPauseMilliseconds = 50;

tl::unexpected<Error> cannot_run(int reason) {
  return fail(Reason::io_error,
              "cannot run the command: " + std::generic_category().message(reason));
}

/// What the child is to be like, however this process is: Python, for one, ignores SIGPIPE, and a
/// command that inherits this writes to nobody for ever.
class SpawnSettings {
 public:
  explicit SpawnSettings(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<std::unique_ptr<ChildCommand>> ChildCommand::start(const std::string& command) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_run(errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  ::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);

  std::string shell = "sh";
  std::string option = "-c";
  std::string text = command;
  std::array<char*, 4> arguments = {shell.data(), option.data(), text.data(), nullptr};
  pid_t process = 0;
  const SpawnSettings settings(ends[1]);
  const int failed = ::posix_spawn(&process, "/bin/sh", settings.actions(), settings.attributes(),
                                   arguments.data(), ::environ);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return cannot_run(failed);
  }
  return std::unique_ptr<ChildCommand>(new ChildCommand(process, ends[0]));
}

ChildCommand::~ChildCommand() {
  ::close(output_);
  if (!running_) return;
  ::kill(-process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<void> ChildCommand::wait(const StopSignal& stop) {
  int status = 0;
  pid_t ended = 0;
  // A command nearly always ends with its output. No descriptor says on every kernel when it does.
  for (int pause = 1; !stop.requested(); pause = std::min(2 * pause, kLongestPauseMilliseconds)) {
    ended = ::waitpid(process_, &status, WNOHANG);
    if (ended == process_ || (ended < 0 && errno != EINTR)) break;
    ended = 0;
    stop.wait(-1, pause);
  }
  if (ended == 0) return {};
  running_ = false;
  if (ended < 0) {
    return fail(Reason::io_error,
                "the command's exit status is lost: another part of the process "
                "waits for all children or ignores SIGCHLD");
  }
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fail(Reason::io_error, "the command was killed by signal " + std::to_string(signal) +
                                      " (" + ::strsignal(signal) + ")");
  }
  if (WEXITSTATUS(status) != 0) {
    return fail(Reason::io_error,
                "the command failed with exit status " + std::to_string(WEXITSTATUS(status)));
  }
  return {};
}

}  // namespace millrace
