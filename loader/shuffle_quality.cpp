#include "millrace/loader/shuffle_quality.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/permutation.h"

namespace millrace {

namespace {

constexpr std::uint64_t kPositions = 1 << 20;        // measured in all
constexpr std::uint64_t kShortestStretch = 1 << 14;  // of consecutive ones
constexpr std::uint64_t kPairs = 1 << 17;            // for what is asked of the inverse

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/// Counts how often values below `values` come, and forgets them again in time of what came.
class Tally {
 public:
  explicit Tally(std::uint64_t values) : counts_(values, 0) {}

  void add(std::uint64_t value) {
    if (counts_[value]++ == 0) seen_.push_back(value);
  }
  std::uint64_t different() const { return seen_.size(); }
  const std::vector<std::uint64_t>& seen() const { return seen_; }
  std::uint64_t count(std::uint64_t value) const { return counts_[value]; }
  void clear() {
    for (const std::uint64_t value : seen_) counts_[value] = 0;
    seen_.clear();
  }

 private:
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint64_t> seen_;
};

class Measurement {
 public:
  Measurement(const MeasuredOrder& order, const SampleCounts& samples,
              const ShuffleQualityOptions& options)
      : order_(order),
        samples_(samples),
        options_(options),
        classes_(std::min(options.classes, samples.shards())),
        batch_(std::min(options.batch_size, order.positions)),
        class_share_(classes_, 0),
        classes_of_batch_(classes_) {
    for (std::uint64_t shard = 0; shard < samples.shards(); ++shard) {
      class_share_[class_of(shard)] +=
          static_cast<double>(samples.of_shard(shard)) / static_cast<double>(samples.total());
    }
    for (const double share : class_share_) squares_of_shares_ += share * share;
  }

  ShuffleQuality measure() {
    if (order_.positions <= kPositions) {
      measure_stretch(0, order_.positions);
    } else {
      // Stretches are whole windows and begin where a window does.
      const std::uint64_t window = std::min(options_.window, kPositions);
      const std::uint64_t shortest = std::max(kShortestStretch, options_.batch_size);
      const std::uint64_t length = std::min(kPositions, (shortest + window - 1) / window * window);
      const std::uint64_t places = (order_.positions - length) / window + 1;
      for (std::uint64_t i = 0; i < kPositions / length; ++i) {
        measure_stretch(mix(options_.seed, i) % places * window, length);
      }
    }
    measure_pairs();
    return result();
  }

 private:
  std::uint64_t class_of(std::uint64_t shard) const {
    // Both are below 2^32 in every dataset that fits into memory.
    return shard * classes_ / samples_.shards();
  }

  void measure_stretch(std::uint64_t begin, std::uint64_t length) {
    numbers_.clear();
    shards_.clear();
    for (std::uint64_t position = begin; position < begin + length; ++position) {
      numbers_.push_back(order_.at(position));
      shards_.push_back(samples_.locate(numbers_.back()).shard);
    }
    measure_runs();
    for (std::uint64_t at = 0; at + batch_ <= length; at += batch_) measure_batch(at);
    const std::uint64_t window = std::min(options_.window, length);
    for (std::uint64_t at = 0; at + window <= length; at += window) measure_window(at, window);
  }

  void measure_runs() {
    std::uint64_t class_run = 1;
    ++shard_runs_;
    ++class_runs_;
    positions_ += shards_.size();
    for (std::size_t i = 1; i < shards_.size(); ++i) {
      ++successors_;
      if (shards_[i] == shards_[i - 1]) {
        ++same_shard_;
      } else {
        ++shard_runs_;
      }
      if (class_of(shards_[i]) == class_of(shards_[i - 1])) {
        ++class_run;
      } else {
        ++class_runs_;
        class_run = 1;
      }
      longest_class_run_ = std::max(longest_class_run_, class_run);
    }
    longest_class_run_ = std::max(longest_class_run_, class_run);
  }

  std::uint64_t different_shards(std::uint64_t begin, std::uint64_t length) {
    sorted_.assign(shards_.begin() + static_cast<std::ptrdiff_t>(begin),
                   shards_.begin() + static_cast<std::ptrdiff_t>(begin + length));
    std::sort(sorted_.begin(), sorted_.end());
    return static_cast<std::uint64_t>(std::unique(sorted_.begin(), sorted_.end()) -
                                      sorted_.begin());
  }

  /// How many of the samples have their successor among them.
  std::uint64_t neighbours(std::uint64_t begin, std::uint64_t length) {
    sorted_.assign(numbers_.begin() + static_cast<std::ptrdiff_t>(begin),
                   numbers_.begin() + static_cast<std::ptrdiff_t>(begin + length));
    std::sort(sorted_.begin(), sorted_.end());
    std::uint64_t found = 0;
    for (std::size_t i = 1; i < sorted_.size(); ++i) {
      found += sorted_[i] == sorted_[i - 1] + 1 ? 1 : 0;
    }
    return found;
  }

  void measure_batch(std::uint64_t begin) {
    ++batches_;
    shards_in_batches_ += different_shards(begin, batch_);
    neighbours_in_batches_ += neighbours(begin, batch_);
    classes_of_batch_.clear();
    for (std::uint64_t i = begin; i < begin + batch_; ++i) {
      classes_of_batch_.add(class_of(shards_[i]));
    }
    const auto size = static_cast<double>(batch_);
    double squares = size * size * squares_of_shares_;  // of classes that the batch lacks
    std::uint64_t commonest = 0;
    for (const std::uint64_t c : classes_of_batch_.seen()) {
      const auto count = static_cast<double>(classes_of_batch_.count(c));
      const double expected = size * class_share_[c];
      squares += (count - expected) * (count - expected) - expected * expected;
      commonest = std::max(commonest, classes_of_batch_.count(c));
    }
    class_squares_ += squares;
    commonest_ += static_cast<double>(commonest) / size;
  }

  void measure_window(std::uint64_t begin, std::uint64_t length) {
    ++windows_;
    shards_in_windows_ += different_shards(begin, length);
    window_positions_ += length;
    read_runs_ += length - neighbours(begin, length);
  }

  void measure_pairs() {
    const std::uint64_t pairs = std::min(kPairs, order_.positions);
    const auto position_of_pair = [&](std::uint64_t i) {
      return order_.positions <= kPairs ? i : mix(options_.seed + 1, i) % order_.positions;
    };
    std::vector<std::pair<std::uint64_t, std::uint64_t>> number_at;  // number, position
    for (std::uint64_t i = 0; i < pairs; ++i) {
      const std::uint64_t position = position_of_pair(i);
      const std::uint64_t number = order_.at(position);
      number_at.emplace_back(number, position);
      if (number + 1 >= samples_.total()) continue;
      const std::optional<std::uint64_t> next = order_.position_of(number + 1);
      if (!next) continue;
      ++distances_;
      distance_ += static_cast<double>(*next > position ? *next - position : position - *next);
    }
    rank_correlation_ = correlation_of_ranks(std::move(number_at));
  }

  // 1 - 6 sum d^2 / (n (n^2 - 1)), d: difference of a pair's two ranks.
  static double correlation_of_ranks(
      std::vector<std::pair<std::uint64_t, std::uint64_t>> number_at) {
    // Drawn at random, a position may have come twice.
    std::sort(number_at.begin(), number_at.end());
    number_at.erase(std::unique(number_at.begin(), number_at.end()), number_at.end());
    if (number_at.size() < 2) return 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> position_at;  // position, rank of number
    for (std::size_t rank = 0; rank < number_at.size(); ++rank) {
      position_at.emplace_back(number_at[rank].second, rank);
    }
    std::sort(position_at.begin(), position_at.end());
    double squares = 0;
    for (std::size_t rank = 0; rank < position_at.size(); ++rank) {
      const double difference =
          static_cast<double>(rank) - static_cast<double>(position_at[rank].second);
      squares += difference * difference;
    }
    const auto n = static_cast<double>(position_at.size());
    return 1 - 6 * squares / (n * (n * n - 1));
  }

  ShuffleQuality result() const {
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    const double size = number(batch_);
    ShuffleQuality quality;
    quality.same_shard_next = ratio(number(same_shard_), number(successors_));
    quality.mean_shard_run = ratio(number(positions_), number(shard_runs_));
    quality.mean_class_run = ratio(number(positions_), number(class_runs_));
    quality.longest_class_run = longest_class_run_;
    quality.shards_in_batch = ratio(number(shards_in_batches_), number(batches_));
    quality.shards_in_window = ratio(number(shards_in_windows_), number(windows_));
    quality.commonest_class_in_batch = ratio(commonest_, number(batches_));
    const double of_draws = number(batches_) * size * (1 - squares_of_shares_);
    // One class, or batches that are all like the dataset: as good as can be.
    quality.independent_draws_in_batch = class_squares_ > 1e-9 * of_draws && of_draws > 1e-9
                                             ? size * of_draws / class_squares_
                                             : size;
    quality.neighbour_distance =
        ratio(ratio(distance_, number(distances_)), (number(samples_.total()) + 1) / 3);
    quality.neighbours_in_batch = ratio(number(neighbours_in_batches_), number(batches_) * size);
    quality.rank_correlation = rank_correlation_;
    quality.mean_read_run =
        order_.read_run.value_or(ratio(number(window_positions_), number(read_runs_)));
    return quality;
  }

  const MeasuredOrder& order_;
  const SampleCounts& samples_;
  const ShuffleQualityOptions& options_;
  std::uint64_t classes_;
  std::uint64_t batch_;
  std::vector<double> class_share_;
  double squares_of_shares_ = 0;

  std::vector<std::uint64_t> numbers_;  // of a stretch
  std::vector<std::uint64_t> shards_;
  std::vector<std::uint64_t> sorted_;
  Tally classes_of_batch_;

  std::uint64_t positions_ = 0;
  std::uint64_t successors_ = 0;
  std::uint64_t same_shard_ = 0;
  std::uint64_t shard_runs_ = 0;
  std::uint64_t class_runs_ = 0;
  std::uint64_t longest_class_run_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t shards_in_batches_ = 0;
  std::uint64_t neighbours_in_batches_ = 0;
  double class_squares_ = 0;
  double commonest_ = 0;
  std::uint64_t windows_ = 0;
  std::uint64_t window_positions_ = 0;
  std::uint64_t shards_in_windows_ = 0;
  std::uint64_t read_runs_ = 0;
  std::uint64_t distances_ = 0;
  double distance_ = 0;
  double rank_correlation_ = 0;
};

void require_above_zero(std::uint64_t value, const char* name) {
  if (value == 0) throw std::invalid_argument(std::string(name) + " = 0: must be at least 1");
}

}  // namespace

ShuffleQuality measure_shuffle(const MeasuredOrder& order, const SampleCounts& samples,
                               const ShuffleQualityOptions& options) {
  require_above_zero(options.batch_size, "batch_size");
  require_above_zero(options.window, "shuffle_window");
  require_above_zero(options.classes, "classes");
  require_above_zero(order.positions, "positions");
  require_above_zero(samples.total(), "samples");
  return Measurement(order, samples, options).measure();
}

MeasuredOrder full_permutation(std::uint64_t samples, std::uint64_t seed) {
  const Permutation permutation(samples, mix(seed, 0));
  return {samples, permutation,
          [permutation](std::uint64_t number) { return permutation.inverse(number); },
          std::nullopt};
}

}  // namespace millrace
