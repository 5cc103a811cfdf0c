#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace millrace {

/// Which line of a text a byte is in, for messages. Counts each part of the text once, when it is
/// first needed, so that a million bad lines do not have the file counted a million times. Memory:
/// 8 bytes per 4 KiB of text. Thread-safe.
class LineNumbers {
 public:
  /// `text` must outlive this.
  explicit LineNumbers(std::span<const std::uint8_t> text) : text_(text) {}

  /// The line of the byte at `offset`, from 1: one more than the line feeds before it.
  std::uint64_t line_at(std::uint64_t offset) const;

 private:
  std::span<const std::uint8_t> text_;
  mutable std::mutex mutex_;
  mutable std::vector<std::uint64_t> line_feeds_before_ = {0};  // by block
};

}  // namespace millrace
