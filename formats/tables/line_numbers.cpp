#include "millrace/formats/tables/line_numbers.h"

#include <algorithm>
#include <cstring>

namespace millrace {

namespace {

// Every answer counts in half a block: rows without a key are called by their number, each.
constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 12;

}  // namespace

std::uint64_t LineNumbers::line_at(std::uint64_t offset) const {
  const auto count = [&](std::uint64_t begin, std::uint64_t end) {
    // The compilers' optimisation levels do not all make a count fast; the C library's search is.
    std::uint64_t line_feeds = 0;
    const std::uint8_t* at = text_.data() + begin;
    const std::uint8_t* const last = text_.data() + end;
    while (at < last) {
      const void* found = std::memchr(at, '\n', static_cast<std::size_t>(last - at));
      if (found == nullptr) break;
      ++line_feeds;
      at = static_cast<const std::uint8_t*>(found) + 1;
    }
    return line_feeds;
  };
  offset = std::min<std::uint64_t>(offset, text_.size());
  const std::uint64_t block = offset / kBlockBytes;
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(mutex_);
    while (line_feeds_before_.size() <= block) {
      const std::uint64_t begin = (line_feeds_before_.size() - 1) * kBlockBytes;
      line_feeds_before_.push_back(line_feeds_before_.back() + count(begin, begin + kBlockBytes));
    }
    before = line_feeds_before_[block];
  }
  return before + count(block * kBlockBytes, offset) + 1;
}

}  // namespace millrace
