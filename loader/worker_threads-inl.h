#pragma once

#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace millrace {

/// A fixed number of threads that run what is posted, first in, first out, until this is destroyed;
/// what has not begun by then is dropped.
///
/// Not boost::asio::thread_pool: its constructor waits for ever where the system refuses a thread.
class WorkerThreads {
 public:
  /// Throws std::system_error if the system refuses a thread; those already made are ended.
  explicit WorkerThreads(std::size_t count) {
    threads_.reserve(count);
    try {
      for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { queue_.run(); });
    } catch (...) {
      queue_.stop();
      throw;
    }
  }
  ~WorkerThreads() { queue_.stop(); }
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  std::size_t size() const { return threads_.size(); }

  /// `task` must not throw.
  template <typename Task>
  void post(Task&& task) {
    boost::asio::post(queue_, std::forward<Task>(task));
  }

 private:
  boost::asio::io_context queue_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_ =
      boost::asio::make_work_guard(queue_);
  std::vector<std::jthread> threads_;  // destroyed, so joined, before the queue
};

}  // namespace millrace
