#include "check/distribution.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::cli {

namespace {

constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  const char* label;
};

template <std::size_t N>
std::vector<Bar> bars(const Distribution& values, const Range (&ranges)[N]) {
  std::vector<Bar> result;
  for (const Range& range : ranges) {
    result.push_back({range.label, values.between(range.begin, range.end)});
  }
  while (!result.empty() && result.back().count == 0) result.pop_back();
  const auto first =
      std::find_if(result.begin(), result.end(), [](const Bar& bar) { return bar.count > 0; });
  result.erase(result.begin(), first);
  return result;
}

}  // namespace

void Distribution::add(std::uint64_t value) {
  if (counts_.empty()) counts_.resize(kValues);
  ++counts_[static_cast<std::size_t>(std::min<std::uint64_t>(value, kValues - 1))];
  ++count_;
  sum_ += value;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Distribution::merge(const Distribution& other) {
  if (other.count_ == 0) return;
  if (counts_.empty()) counts_.resize(kValues);
  for (std::size_t i = 0; i < kValues; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::uint64_t Distribution::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (counts_[i] > 0 && seen > wanted) return i;
  }
  return max_;
}

std::uint64_t Distribution::between(std::uint64_t begin, std::uint64_t end) const {
  std::uint64_t sum = 0;
  for (std::uint64_t i = begin; i < std::min<std::uint64_t>(end, counts_.size()); ++i) {
    sum += counts_[static_cast<std::size_t>(i)];
  }
  return sum;
}

std::vector<Bar> side_bars(const Distribution& sides) {
  static constexpr Range kRanges[] = {
      {0, 32, "< 32"},         {32, 64, "32-63"},         {64, 128, "64-127"},
      {128, 224, "128-223"},   {224, 256, "224-255"},     {256, 336, "256-335"},
      {336, 384, "336-383"},   {384, 512, "384-511"},     {512, 768, "512-767"},
      {768, 1024, "768-1023"}, {1024, 2048, "1024-2047"}, {2048, 4096, "2048-4095"},
      {4096, kEnd, ">= 4096"},
  };
  return bars(sides, kRanges);
}

std::vector<Bar> token_bars(const Distribution& tokens) {
  static constexpr Range kRanges[] = {
      {0, 3, "none"},      {3, 10, "3-9"},        {10, 20, "10-19"},
      {20, 40, "20-39"},   {40, 60, "40-59"},     {60, 78, "60-77"},
      {78, 128, "78-127"}, {128, 256, "128-255"}, {256, kEnd, ">= 256"},
  };
  return bars(tokens, kRanges);
}

std::uint64_t aspect_thousandths(int width, int height) {
  if (width <= 0 || height <= 0) return 0;
  return (std::uint64_t{1000} * static_cast<std::uint64_t>(width) +
          static_cast<std::uint64_t>(height) / 2) /
         static_cast<std::uint64_t>(height);
}

std::vector<Bar> aspect_bars(const Distribution& aspects) {
  static constexpr Range kRanges[] = {
      {0, 333, "< 1:3"},         {333, 500, "1:3 - 1:2"},   {500, 667, "1:2 - 2:3"},
      {667, 800, "2:3 - 4:5"},   {800, 1250, "4:5 - 5:4"},  {1250, 1500, "5:4 - 3:2"},
      {1500, 2000, "3:2 - 2:1"}, {2000, 3000, "2:1 - 3:1"}, {3000, kEnd, ">= 3:1"},
  };
  return bars(aspects, kRanges);
}

}  // namespace millrace::cli
