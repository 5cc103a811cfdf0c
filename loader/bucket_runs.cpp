#include "millrace/loader/bucket_runs.h"

#include <algorithm>
#include <cassert>

namespace millrace {

BucketRuns::BucketRuns(const std::vector<std::uint64_t>& samples, std::uint64_t run,
                       std::uint64_t key)
    : begins_(1, 0), run_(run) {
  for (const std::uint64_t count : samples) begins_.push_back(begins_.back() + count);
  assert(size() >= 1 && run_ >= 1);
  if (whole_runs() == 0) return;
  std::vector<std::uint64_t> runs;
  for (std::size_t b = 0; b < samples.size(); ++b) runs.push_back(first_run(b + 1) - first_run(b));
  interleave_.emplace(runs, key, true);
}

std::size_t BucketRuns::owner(std::uint64_t place) const {
  const auto behind = std::upper_bound(begins_.begin(), begins_.end(), place);
  return static_cast<std::size_t>(behind - begins_.begin()) - 1;
}

std::uint64_t BucketRuns::place_of(std::uint64_t position) const {
  assert(position < size());
  const std::uint64_t run = position / run_;
  if (run >= whole_runs()) return position;  // the last one stays the last
  const Interleave::Turn turn = interleave_->at(run);
  return (first_run(turn.source) + turn.before) * run_ + position % run_;
}

BucketRuns::Turn BucketRuns::at(std::uint64_t position) const {
  const std::uint64_t place = place_of(position);
  const std::size_t bucket = owner(place);
  return {bucket, place - begins_[bucket]};
}

std::size_t BucketRuns::bucket(std::uint64_t position) const {
  const std::uint64_t run = position / run_;
  return run < whole_runs() ? interleave_->at(run).source : owner(size() - 1);
}

std::uint64_t BucketRuns::position_of(const Turn& turn) const {
  const std::uint64_t place = begins_[turn.bucket] + turn.in_sequence;
  const std::uint64_t run = place / run_;
  if (run >= whole_runs()) return place;
  const std::size_t bucket = owner((run + 1) * run_ - 1);
  return interleave_->position_of(bucket, run - first_run(bucket)) * run_ + place % run_;
}

std::uint64_t BucketRuns::count_before(std::uint64_t position, std::size_t bucket) const {
  const auto in_bucket = [&](std::uint64_t begin, std::uint64_t end) {
    begin = std::max(begin, begins_[bucket]);
    end = std::min(end, begins_[bucket + 1]);
    return end > begin ? end - begin : std::uint64_t{0};
  };
  const std::uint64_t runs = std::min(position / run_, whole_runs());
  std::uint64_t count = 0;
  for (std::size_t b = 0; runs > 0 && b + 1 < begins_.size(); ++b) {
    const std::uint64_t begin = first_run(b) * run_;
    count += in_bucket(begin, begin + interleave_->count_before(runs, b) * run_);
  }
  const std::uint64_t in_run = position - runs * run_;
  if (in_run > 0) {
    const std::uint64_t begin = place_of(runs * run_);
    count += in_bucket(begin, begin + in_run);
  }
  return count;
}

}  // namespace millrace
