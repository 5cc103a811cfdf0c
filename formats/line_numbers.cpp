#include "millrace/formats/line_numbers.h"

#include <algorithm>

namespace millrace {

namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;

}  // namespace

std::uint64_t LineNumbers::line_at(std::uint64_t offset) const {
  const auto count = [&](std::uint64_t begin, std::uint64_t end) {
    const auto part = text_.subspan(begin, end - begin);
    return static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n'));
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
