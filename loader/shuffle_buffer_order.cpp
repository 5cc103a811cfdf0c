#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "millrace/loader/permutation.h"
#include "millrace/loader/shuffle_quality.h"

namespace millrace {

namespace {

constexpr std::uint64_t kMostEmitted = 1 << 21;

/// Shards in random order, the samples of each in theirs.
class ShardReader {
 public:
  ShardReader(const SampleCounts& samples, std::uint64_t seed)
      : samples_(samples), shards_(samples.shards(), mix(seed, 1)) {
    begin_shard();
  }

  bool at_end() const { return turn_ >= samples_.shards(); }
  std::uint64_t next() {
    const std::uint64_t number = number_++;
    if (number_ == end_) {
      ++turn_;
      begin_shard();
    }
    return number;
  }

 private:
  void begin_shard() {
    for (; turn_ < samples_.shards(); ++turn_) {
      const std::uint64_t shard = shards_(turn_);
      number_ = samples_.begin_of(shard);
      end_ = number_ + samples_.of_shard(shard);
      if (number_ < end_) return;
    }
  }

  const SampleCounts& samples_;
  Permutation shards_;
  std::uint64_t turn_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t end_ = 0;
};

std::vector<std::uint64_t> simulate(const SampleCounts& samples, const ShuffleBuffer& options,
                                    std::uint64_t seed) {
  const std::uint64_t initial = std::min(options.initial, options.size);
  ShardReader reader(samples, seed);
  std::vector<std::uint64_t> buffer;
  std::vector<std::uint64_t> emitted;
  const std::uint64_t positions = std::min(samples.total(), kMostEmitted);
  while (emitted.size() < positions) {
    if (!reader.at_end()) {
      buffer.push_back(reader.next());
      if (buffer.size() < options.size && !reader.at_end()) buffer.push_back(reader.next());
      if (buffer.size() < initial) continue;
    }
    std::uint64_t& leaving = buffer[mix(seed, emitted.size()) % buffer.size()];
    emitted.push_back(leaving);
    leaving = buffer.back();
    buffer.pop_back();
  }
  return emitted;
}

}  // namespace

MeasuredOrder shuffle_buffer_order(const SampleCounts& samples, const ShuffleBuffer& buffer,
                                   std::uint64_t seed) {
  using Entry = std::pair<std::uint64_t, std::uint32_t>;  // number, position
  const auto numbers =
      std::make_shared<const std::vector<std::uint64_t>>(simulate(samples, buffer, seed));
  std::vector<Entry> sorted;
  sorted.reserve(numbers->size());
  for (const std::uint64_t number : *numbers) {
    sorted.emplace_back(number, static_cast<std::uint32_t>(sorted.size()));
  }
  std::sort(sorted.begin(), sorted.end());
  const auto inverse = std::make_shared<const std::vector<Entry>>(std::move(sorted));
  const auto position_of = [inverse](std::uint64_t number) -> std::optional<std::uint64_t> {
    const auto found = std::lower_bound(inverse->begin(), inverse->end(), Entry{number, 0});
    if (found == inverse->end() || found->first != number) return std::nullopt;
    return found->second;
  };
  const double read_run =
      static_cast<double>(samples.total()) / static_cast<double>(samples.shards());
  return {numbers->size(), [numbers](std::uint64_t position) { return (*numbers)[position]; },
          position_of, read_run};
}

}  // namespace millrace
