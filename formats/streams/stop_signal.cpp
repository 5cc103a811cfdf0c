#include "millrace/formats/streams/stop_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace millrace {

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

StopSignal::~StopSignal() { ::close(event_); }

void StopSignal::request() {
  requested_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  // Fails only where the event is set many times already.
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof(one));
}

void StopSignal::wait(int descriptor, int timeout_milliseconds) const {
  std::array<pollfd, 2> waited = {{{event_, POLLIN, 0}, {descriptor, POLLIN, 0}}};
  while (::poll(waited.data(), waited.size(), timeout_milliseconds) < 0 && errno == EINTR) {
  }
}

}  // namespace millrace
