#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "millrace/loader/bucket_runs.h"
#include "millrace/loader/epoch_order.h"
#include "millrace/loader/interleave.h"

namespace millrace {

/// A sample of one of the sources: `number` counts through the source's shards.
struct PlannedSample {
  std::size_t source = 0;
  std::uint64_t number = 0;

  bool operator==(const PlannedSample&) const = default;
};

/// Where the epoch of a mixture ends.
enum class StopAt : std::uint8_t {
  first_exhausted,  ///< before any source would begin anew
  last_exhausted,   ///< once every source has been delivered whole; the others begin anew
};

/// A source as the plan sees it.
struct PlanSource {
  std::uint64_t samples = 0;  ///< >= 1
  /// Share of the sequence, relative to the other sources'. 0: the number of samples.
  double weight = 0;
  /// Exactly so many in each epoch, going on through the source where the epoch before stopped.
  /// Of all sources or of none. 0: not given.
  std::uint64_t samples_per_epoch = 0;
  /// Of shards that are unpacked whole: the samples of each, which add up to `samples`. The order
  /// then takes them as its units, see EpochOrder. Null: the samples are read one by one.
  std::shared_ptr<const SampleCounts> units = nullptr;
};

class UnitPasses;

/// From where on the sources' shares hold, and how far each source was then. Changing the shares of
/// a run that goes on makes a new one. A run whose epochs end with the data (weights or none)
/// cannot so become one that goes on from epoch to epoch (samples_per_epoch of any kind), nor back:
/// they count `taken` differently.
struct MixtureStart {
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;
  std::vector<std::uint64_t> taken;  ///< by source; see EpochPlan::taken. Empty: nothing yet

  bool operator==(const MixtureStart&) const = default;
};

struct PlanOptions {
  std::vector<PlanSource> sources;
  bool shuffle = false;
  std::uint64_t shuffle_window = 16384;  ///< samples, of each source
  std::uint64_t seed = 0;
  /// All shares are raised to the power 1 / temperature: 1 leaves them, larger evens them out.
  double temperature = 1;
  StopAt stop_at = StopAt::first_exhausted;
  /// Positions of an epoch, going on through the data where the epoch before stopped. 0: epochs
  /// end with the data.
  std::uint64_t samples_per_epoch = 0;
  MixtureStart mixture_start;
  /// The sources are buckets, and so many positions in a row are of one (bucket_runs.h); each epoch
  /// is one pass over all. 0: they are mixed position by position.
  std::uint64_t bucket_run = 0;

  /// Throws std::invalid_argument naming what is out of range or contradicts. So does EpochPlan,
  /// also where the epoch would be longer than 2^62 positions or lie further into the run.
  void validate() const;
};

/// The order of one epoch over all sources: a pure function of (options, epoch), the same for every
/// world size, batch size and number of threads. Immutable and thread-safe; memory O(sources);
/// a position takes O(log sources), however far into the epoch or the run. Sources of units take
/// O(log units) more, and the memory of the few passes that are in use (unit_passes.h), which the
/// first call for a pass makes.
///
/// Each source is an endless sequence: one pass over it after the other, each in the order of an
/// EpochOrder of its own. An Interleave deals the positions out to the sources.
class EpochPlan {
 public:
  EpochPlan(PlanOptions options, std::uint64_t epoch);

  /// Positions of the epoch.
  std::uint64_t size() const { return size_; }
  /// The first position that this plan knows: 0, or that of the mixture's start, if it lies in this
  /// epoch. What came before had other shares.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t epoch() const { return epoch_; }
  const PlanOptions& options() const { return options_; }

  PlannedSample at(std::uint64_t position) const;
  /// What stands in for the sample at `position`: the `attempt`-th next one of its source, as
  /// EpochOrder::substitute has it; 1 <= attempt <= substitutes(position).
  PlannedSample substitute(std::uint64_t position, std::uint64_t attempt) const;
  std::uint64_t substitutes(std::uint64_t position) const;
  /// The source whose run has the position: of buckets; else 0.
  std::size_t bucket(std::uint64_t position) const {
    return buckets_ ? buckets_->bucket(position) : 0;
  }
  /// The first position of this epoch that has the sample; nothing where none has.
  std::optional<std::uint64_t> position_of(const PlannedSample& sample) const;

  /// How far each source has come before `position` <= size(): samples since the source's sequence
  /// began. With samples_per_epoch of any kind that is over all epochs, else since the epoch began.
  std::vector<std::uint64_t> taken(std::uint64_t position) const;

  /// The order of a source's pass number `pass`, counted like taken().
  EpochOrder order(std::size_t source, std::uint64_t pass) const;
  /// The sources' shares as whole numbers, in proportion; the same for every epoch and start.
  std::vector<std::uint64_t> shares() const;

 private:
  struct Turn {
    std::size_t source;
    std::uint64_t in_sequence;  // of the source
  };
  Turn turn(std::uint64_t position) const;
  std::uint64_t dealt(std::uint64_t position) const { return position + dealt_before_ - begin_; }
  std::uint64_t samples(std::size_t source) const { return options_.sources[source].samples; }
  std::uint64_t stop() const;
  void begin_sources();

  PlanOptions options_;
  std::uint64_t epoch_;
  std::uint64_t begin_ = 0;         // of what the interleave deals out in this epoch
  std::uint64_t dealt_before_ = 0;  // positions of the interleave before begin_
  std::uint64_t size_ = 0;
  std::vector<std::uint64_t> taken_before_;  // by source, where the interleave begins
  Interleave interleave_;
  std::optional<BucketRuns> buckets_;        // instead of the interleave
  std::shared_ptr<UnitPasses> unit_passes_;  // null where no source has units
};

}  // namespace millrace
