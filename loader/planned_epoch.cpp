#include "millrace/loader/planned_epoch.h"

#include <algorithm>
#include <utility>

#include "millrace/loader/opening_ahead.h"

namespace millrace {

namespace {

class PlannedBatch final : public BatchSamples {
 public:
  PlannedBatch(std::shared_ptr<const PlannedEpoch> epoch, std::uint64_t number)
      : epoch_(std::move(epoch)), number_(number) {}

  std::size_t size() const override { return epoch_->slice.batch_samples(number_); }
  std::size_t column_set() const override {
    if (epoch_->column_sets.empty()) return 0;
    // Of the batch's first position on any rank, so that all ranks have the same.
    return epoch_->column_sets[epoch_->plan.bucket(epoch_->slice.position_after(number_))];
  }
  std::uint64_t position(std::size_t slot) const override {
    return epoch_->slice.position(number_, slot);
  }
  bool is_padded(std::size_t slot) const override { return epoch_->slice.is_padded(number_, slot); }
  SampleRef at(std::size_t slot) const override {
    return epoch_->locate(epoch_->plan.at(position(slot)));
  }
  SampleRef substitute(std::size_t slot, std::uint64_t attempt) const override {
    return epoch_->locate(epoch_->plan.substitute(position(slot), attempt));
  }
  std::uint64_t substitutes(std::size_t slot) const override {
    return epoch_->plan.substitutes(position(slot));
  }
  Result<void> read(const SampleRef& ref, std::shared_ptr<const Shard>& shard,
                    Sample& sample) const override {
    return epoch_->datasets[ref.source]->read(ref.id, shard, sample);
  }
  std::uint64_t part(const SampleRef& ref) const override {
    return epoch_->datasets[ref.source]->part(ref.id);
  }
  void done_with(const Shard& shard, const Sample& sample) const override {
    shard.done_with(sample);
  }
  std::uint64_t will_need(const SampleRef& ref) const override {
    return epoch_->datasets[ref.source]->will_need(ref.id);
  }
  ResumePoint after() const override { return {epoch_->slice.position_after(number_ + 1), {}}; }

 private:
  std::shared_ptr<const PlannedEpoch> epoch_;
  std::uint64_t number_;  // within the rank's slice
};

class PlannedSamples final : public EpochSamples {
 public:
  PlannedSamples(std::shared_ptr<const PlannedEpoch> epoch, const ReadingThreads& threads,
                 std::uint64_t in_flight)
      : epoch_(std::move(epoch)) {
    const std::vector<PlanSource>& sources = epoch_->plan.options().sources;
    const bool any_units =
        std::any_of(sources.begin(), sources.end(),
                    [](const PlanSource& source) { return source.units != nullptr; });
    if (any_units) ahead_ = std::make_shared<OpeningAhead>(epoch_, threads, in_flight);
  }
  ~PlannedSamples() override {
    if (ahead_ != nullptr) ahead_->stop();
  }
  PlannedSamples(const PlannedSamples&) = delete;
  PlannedSamples& operator=(const PlannedSamples&) = delete;

  Next next(std::unique_ptr<const BatchSamples>& batch, const Deadline&) override {
    if (number_ == epoch_->slice.batches()) return Next::end;
    if (ahead_ != nullptr) ahead_->announce(number_);
    batch = std::make_unique<PlannedBatch>(epoch_, number_++);
    return Next::batch;
  }

  std::optional<std::uint64_t> expected() const override { return epoch_->slice.expected(); }

  std::vector<SampleRef> dropped() const override {
    const RankSlice& slice = epoch_->slice;
    std::vector<SampleRef> dropped;
    for (std::uint64_t i = 0; i < slice.dropped(); ++i) {
      dropped.push_back(epoch_->locate(epoch_->plan.at(slice.dropped_position(i))));
    }
    return dropped;
  }

  ResumePoint begin() const override { return {epoch_->slice.position_after(0), {}}; }

 private:
  std::shared_ptr<const PlannedEpoch> epoch_;
  std::uint64_t number_ = 0;
  std::shared_ptr<OpeningAhead> ahead_;  // null where no source has units
};

}  // namespace

SampleRef PlannedEpoch::locate(const PlannedSample& sample) const {
  return {sample.source, datasets[sample.source]->counts().locate(sample.number)};
}

std::unique_ptr<EpochSamples> planned_samples(std::shared_ptr<const PlannedEpoch> epoch,
                                              const ReadingThreads& threads,
                                              std::uint64_t in_flight) {
  return std::make_unique<PlannedSamples>(std::move(epoch), threads, in_flight);
}

}  // namespace millrace
