#include "millrace/loader/plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "millrace/loader/permutation.h"
#include "millrace/loader/require-inl.h"
#include "millrace/loader/unit_passes.h"

namespace millrace {

namespace {

constexpr std::uint64_t kMostPositions = std::uint64_t{1} << 62;  // dealt out before any position

// How the epochs of a run are cut out of the sources' sequences.
enum class Mode : std::uint8_t {
  whole,   // each epoch is one pass over every source
  stop,    // each epoch deals the sources' shares until one of them, or all, are exhausted
  counts,  // each epoch goes on in every source by a number of its own
  length,  // each epoch goes on in the mixed sequence by samples_per_epoch
};

Mode mode_of(const PlanOptions& options) {
  if (options.samples_per_epoch > 0) return Mode::length;
  if (options.sources.front().samples_per_epoch > 0) return Mode::counts;
  const bool natural = std::all_of(options.sources.begin(), options.sources.end(),
                                   [](const PlanSource& source) { return source.weight == 0; });
  return natural && options.temperature == 1 ? Mode::whole : Mode::stop;
}

// Shares as whole numbers that add up to about 2^40.
std::vector<std::uint64_t> parts_of_weights(const PlanOptions& options) {
  std::vector<double> shares;
  for (const PlanSource& source : options.sources) {
    shares.push_back(source.weight > 0 ? source.weight : static_cast<double>(source.samples));
  }
  const double largest = *std::max_element(shares.begin(), shares.end());
  double sum = 0;
  for (double& share : shares) {
    // Relative to the largest, a low temperature leaves them finite.
    share = std::pow(share / largest, 1 / options.temperature);
    sum += share;
  }
  std::vector<std::uint64_t> parts;
  parts.reserve(shares.size());
  for (const double share : shares) {
    parts.push_back(static_cast<std::uint64_t>(std::max(1.0, std::round(share / sum * 0x1p40))));
  }
  return parts;
}

bool starts_in(const PlanOptions& options, std::uint64_t epoch) {
  return options.mixture_start.epoch == epoch && !options.mixture_start.taken.empty();
}

Interleave make_interleave(const PlanOptions& options, std::uint64_t epoch) {
  const std::uint64_t key = mix(options.seed, epoch);
  std::vector<std::uint64_t> parts;
  switch (mode_of(options)) {
    case Mode::whole:
      for (std::size_t s = 0; s < options.sources.size(); ++s) {
        const std::uint64_t samples = options.sources[s].samples;
        const std::uint64_t taken =
            starts_in(options, epoch) ? options.mixture_start.taken[s] : std::uint64_t{0};
        parts.push_back(samples - std::min(samples, taken));
      }
      return {parts, key, true};
    case Mode::counts:
      for (const PlanSource& source : options.sources) parts.push_back(source.samples_per_epoch);
      // Where the counts changed within the epoch, its rest is dealt in the new proportions.
      return {parts, key, !starts_in(options, epoch)};
    case Mode::stop:
      return {parts_of_weights(options), key, false};
    case Mode::length:
      return {parts_of_weights(options), mix(options.seed, 0), false};
  }
  return {std::vector<std::uint64_t>{1}, 0, true};
}

}  // namespace

void PlanOptions::validate() const {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
  require(!sources.empty(), "sources = []: name at least one");
  require(temperature > 0 && std::isfinite(temperature),
          "temperature = " + std::to_string(temperature) + ": must be above 0");
  require(shuffle_window >= 1, "shuffle_window = 0: must be at least 1");
  require(samples_per_epoch <= kMost,
          "samples_per_epoch = " + std::to_string(samples_per_epoch) + ": must be below 2^48");
  const bool counted = sources.front().samples_per_epoch > 0;
  std::uint64_t all = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const PlanSource& source = sources[s];
    const std::string name = "mixture[" + std::to_string(s) + "]";
    require(source.samples >= 1 && source.samples <= kMost,
            name + ": " + std::to_string(source.samples) + " samples: must be 1 to 2^48");
    require(source.units == nullptr || source.units->total() == source.samples,
            name + ": its units have not " + std::to_string(source.samples) + " samples");
    require(source.weight >= 0 && source.weight <= 0x1p53,
            name + ".weight = " + std::to_string(source.weight) + ": must be 0 to 2^53");
    require(source.samples_per_epoch <= kMost,
            name + ".samples_per_epoch = " + std::to_string(source.samples_per_epoch) +
                ": must be below 2^48");
    all += std::max(source.samples, source.samples_per_epoch);
    require(all <= kMostPositions, name + ": more than 2^62 samples in all sources");
    require((source.samples_per_epoch > 0) == counted,
            name + ".samples_per_epoch: give it for all sources or for none");
    require(!counted || source.weight == 0,
            name + ".weight: there is samples_per_epoch already; give one of them");
  }
  require(!counted || samples_per_epoch == 0,
          "samples_per_epoch: the sources have their own already; give one of them");
  require(!counted || temperature == 1,
          "temperature: the sources have samples_per_epoch, which "
          "leaves nothing to even out");
  require(mixture_start.position <= kMostPositions,
          "mixture_start: position " + std::to_string(mixture_start.position) + " is above 2^62");
  require(bucket_run <= kMost,
          "bucket_run = " + std::to_string(bucket_run) + ": must be below 2^48");
  require(bucket_run == 0 || (mode_of(*this) == Mode::whole && mixture_start == MixtureStart{}),
          "bucket_run = " + std::to_string(bucket_run) +
              ": an epoch of buckets is a pass over each of them, without weights and counts");
  require(mixture_start.taken.empty() || mixture_start.taken.size() == sources.size(),
          "mixture_start: of " + std::to_string(mixture_start.taken.size()) +
              " sources, and there are " + std::to_string(sources.size()));
}

EpochPlan::EpochPlan(PlanOptions options, std::uint64_t epoch)
    : options_(std::move(options)),
      epoch_(epoch),
      taken_before_(options_.sources.size(), 0),
      interleave_((options_.validate(), make_interleave(options_, epoch))) {
  const bool any_units =
      std::any_of(options_.sources.begin(), options_.sources.end(),
                  [](const PlanSource& source) { return source.units != nullptr; });
  if (any_units) unit_passes_ = std::make_shared<UnitPasses>(options_.sources.size());
  begin_sources();
  if (options_.bucket_run > 0) {
    std::vector<std::uint64_t> counts;
    for (const PlanSource& source : options_.sources) counts.push_back(source.samples);
    buckets_.emplace(counts, options_.bucket_run, mix(options_.seed, epoch_));
  }
  switch (mode_of(options_)) {
    case Mode::whole:
      size_ = begin_ + interleave_.size();
      break;
    case Mode::stop:
      size_ = begin_ + stop();
      break;
    case Mode::counts:
      for (const PlanSource& source : options_.sources) size_ += source.samples_per_epoch;
      break;
    case Mode::length:
      size_ = options_.samples_per_epoch;
      break;
  }
  size_ = std::max(size_, begin_);
}

void EpochPlan::begin_sources() {
  const MixtureStart& start = options_.mixture_start;
  const bool started = !start.taken.empty() && start.epoch <= epoch_;
  const bool starts_here = started && start.epoch == epoch_;
  const std::uint64_t later = started ? epoch_ - start.epoch : epoch_;
  if (starts_here) {
    begin_ = start.position;
    taken_before_ = start.taken;
  }
  const Mode mode = mode_of(options_);
  require(!started || mode != Mode::length || start.position <= options_.samples_per_epoch,
          "mixture_start: position " + std::to_string(start.position) +
              " is beyond samples_per_epoch = " + std::to_string(options_.samples_per_epoch));
  if (mode == Mode::length && !starts_here) {
    require(later <= kMostPositions / options_.samples_per_epoch,
            "epoch = " + std::to_string(epoch_) + ": more than 2^62 samples into the run");
    dealt_before_ = later * options_.samples_per_epoch - (started ? start.position : 0);
    if (started) taken_before_ = start.taken;
  }
  if (mode == Mode::counts && !starts_here) {
    std::uint64_t whole_epochs = later;
    if (started) {
      // The epoch of the start was dealt in proportion; the ones after it are exact.
      PlanOptions at_start = options_;
      const EpochPlan first(std::move(at_start), start.epoch);
      taken_before_ = first.taken(first.size());
      --whole_epochs;
    }
    for (const PlanSource& source : options_.sources) {
      require(whole_epochs <= kMostPositions / source.samples_per_epoch,
              "epoch = " + std::to_string(epoch_) + ": more than 2^62 samples into the run");
    }
    for (std::size_t s = 0; s < taken_before_.size(); ++s) {
      taken_before_[s] += whole_epochs * options_.sources[s].samples_per_epoch;
    }
  }
}

std::uint64_t EpochPlan::stop() const {
  const bool at_first = options_.stop_at == StopAt::first_exhausted;
  std::uint64_t end = at_first ? UINT64_MAX : 0;
  for (std::size_t s = 0; s < options_.sources.size(); ++s) {
    const std::uint64_t left = samples(s) - std::min(samples(s), taken_before_[s]);
    if (at_first) {
      end = std::min(end, interleave_.position_of(s, left));
    } else if (left > 0) {
      end = std::max(end, interleave_.position_of(s, left - 1) + 1);
    }
  }
  require(end <= kMostPositions,
          "mixture: at these shares the epoch has more than 2^62 positions until the last source "
          "is exhausted; raise the least weight, or stop at the first");
  return end;
}

EpochPlan::Turn EpochPlan::turn(std::uint64_t position) const {
  assert(position >= begin_ && position < size_);
  if (buckets_) {
    const BucketRuns::Turn turn = buckets_->at(position);
    return {turn.bucket, turn.in_sequence};
  }
  const Interleave::Turn turn = interleave_.at(dealt(position));
  return {turn.source, taken_before_[turn.source] + turn.before};
}

EpochOrder EpochPlan::order(std::size_t source, std::uint64_t pass) const {
  const Mode mode = mode_of(options_);
  std::uint64_t epoch = pass;
  if (mode == Mode::whole || mode == Mode::stop) epoch = pass == 0 ? epoch_ : mix(epoch_, pass);
  // Buckets are parts of one dataset: in the same order of shards they unpack each once for all.
  const bool is_one_dataset = options_.sources.size() == 1 || options_.bucket_run > 0;
  const std::uint64_t seed = is_one_dataset ? options_.seed : mix(options_.seed, source);
  const EpochOrder::Shuffle shuffle{options_.shuffle, options_.shuffle_window, seed, epoch};
  const auto& units = options_.sources[source].units;
  if (units == nullptr) return {samples(source), shuffle};
  return unit_passes_->order(source, pass, units, shuffle);
}

std::vector<std::uint64_t> EpochPlan::shares() const {
  std::vector<std::uint64_t> shares = interleave_.parts();
  if (mode_of(options_) != Mode::whole) return shares;
  // Where the epoch's rest is dealt out, the interleave has what is left of them.
  for (std::size_t s = 0; s < shares.size(); ++s) shares[s] = samples(s);
  return shares;
}

PlannedSample EpochPlan::at(std::uint64_t position) const {
  const Turn t = turn(position);
  const std::uint64_t of = samples(t.source);
  return {t.source, order(t.source, t.in_sequence / of).at(t.in_sequence % of)};
}

PlannedSample EpochPlan::substitute(std::uint64_t position, std::uint64_t attempt) const {
  const Turn t = turn(position);
  const std::uint64_t of = samples(t.source);
  const EpochOrder pass = order(t.source, t.in_sequence / of);
  return {t.source, pass.at(pass.substitute(t.in_sequence % of, attempt))};
}

std::uint64_t EpochPlan::substitutes(std::uint64_t position) const {
  const Turn t = turn(position);
  const std::uint64_t of = samples(t.source);
  return order(t.source, t.in_sequence / of).substitutes(t.in_sequence % of);
}

std::optional<std::uint64_t> EpochPlan::position_of(const PlannedSample& sample) const {
  if (buckets_) {
    return buckets_->position_of(
        {sample.source, order(sample.source, 0).position_of(sample.number)});
  }
  const std::uint64_t of = samples(sample.source);
  const std::uint64_t before = taken_before_[sample.source];
  const auto in_sequence = [&](std::uint64_t position) {
    return before + interleave_.count_before(dealt(position), sample.source);
  };
  const std::uint64_t begin = in_sequence(begin_);
  const std::uint64_t end = in_sequence(size_);
  for (std::uint64_t pass = begin / of; pass * of < end; ++pass) {
    const std::uint64_t found = pass * of + order(sample.source, pass).position_of(sample.number);
    if (found < begin || found >= end) continue;
    return interleave_.position_of(sample.source, found - before) + begin_ - dealt_before_;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> EpochPlan::taken(std::uint64_t position) const {
  std::vector<std::uint64_t> taken = taken_before_;
  for (std::size_t s = 0; s < taken.size(); ++s) {
    taken[s] += buckets_ ? buckets_->count_before(position, s)
                         : interleave_.count_before(dealt(position), s);
  }
  return taken;
}

}  // namespace millrace
