#pragma once

#include <cstddef>
#include <functional>

namespace millrace::cli {

/// Runs task(0) .. task(count - 1) on that many threads and returns when all have ended. The first
/// exception reaches the caller; what has not begun by then is left out.
void run_on_threads(std::size_t threads, std::size_t count,
                    const std::function<void(std::size_t)>& task);

}  // namespace millrace::cli
