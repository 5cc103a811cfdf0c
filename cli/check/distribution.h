#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::cli {

/// How often which value was met: exactly up to 65,535; what is larger counts as that, but for the
/// maximum.
class Distribution {
 public:
  void add(std::uint64_t value);
  void merge(const Distribution& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  /// 0 where nothing was added.
  std::uint64_t min() const { return count_ > 0 ? min_ : 0; }
  std::uint64_t max() const { return max_; }
  /// The value that `share` (0 to 1) of all do not exceed.
  std::uint64_t quantile(double share) const;
  /// How many are in [begin, end).
  std::uint64_t between(std::uint64_t begin, std::uint64_t end) const;

 private:
  static constexpr std::size_t kValues = 65536;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
};

/// The bars of a histogram.
struct Bar {
  std::string label;
  std::uint64_t count = 0;
};

/// Shorter sides, by what training sizes make of them.
std::vector<Bar> side_bars(const Distribution& sides);
std::vector<Bar> token_bars(const Distribution& tokens);

/// width : height of images, in thousandths: 1500 is 3:2. Long ones are at most 65,535.
std::uint64_t aspect_thousandths(int width, int height);
std::vector<Bar> aspect_bars(const Distribution& aspects);

}  // namespace millrace::cli
