#include "millrace/loader/sample_worker.h"

#include <algorithm>
#include <utility>

namespace millrace {

namespace {

void locate(Error& error, const Sample& sample) {
  error.shard = sample.shard();
  error.offset_bytes = sample.begin_bytes();
  error.key = sample.key();
  error.unit = sample.offset_unit();
}

}  // namespace

SampleWorker::SampleWorker(ColumnSets column_sets, OnBadSample on_bad_sample)
    : column_sets_(std::move(column_sets)), on_bad_sample_(on_bad_sample) {
  makers_.reserve(column_sets_->size());
  for (const Columns& columns : *column_sets_) makers_.emplace_back(columns, decoded_);
  lane(0);
}

SampleWorker::Lane& SampleWorker::lane(std::size_t nth) {
  if (lanes_[nth] == nullptr) lanes_[nth] = std::make_unique<Lane>(*column_sets_);
  return *lanes_[nth];
}

void SampleWorker::fill(const Task& task, std::span<SlotRecord> records,
                        std::span<std::optional<Error>> errors) {
  set_ = task.samples.column_set();
  std::array<Lane*, kMostTogether> selected{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < task.slots; ++i) {
    Lane& taken = lane(i);
    taken.slot = task.first_slot + i;
    records[i] = {};
    records[i].sample = task.samples.at(taken.slot);
    select(task, records[i].sample, taken);
    if (taken.is_selected) selected[count++] = &taken;
  }
  write(task, std::span(selected).first(count));
  for (std::size_t i = 0; i < task.slots; ++i) {
    Lane& made = *lanes_[i];
    // Beside others a sample may have met with a shortage, of files that they held open.
    if (i > 0 && !made.is_selected) make_alone(task, records[i].sample, made);
    conclude(task, made, records[i]);
    errors[i] = std::exchange(made.error, std::nullopt);
    if (i > 0) made.shard.reset();
  }
}

void SampleWorker::conclude(const Task& task, Lane& lane, SlotRecord& record) {
  if (!lane.error) {
    record.outcome = Outcome::delivered;
    record.captions_dropped = lane.fields[set_].captions_dropped();
    return;
  }
  if (lane.error->reason == Reason::stale_index) return;
  if (on_bad_sample_ == OnBadSample::skip) record.outcome = Outcome::skipped;
  if (on_bad_sample_ == OnBadSample::substitute) find_stand_in(task, lane, record);
}

void SampleWorker::find_stand_in(const Task& task, Lane& lane, SlotRecord& record) {
  Error error = std::move(*lane.error);
  const std::uint64_t candidates = std::min(task.samples.substitutes(lane.slot), kMostSubstitutes);
  for (std::uint64_t attempt = 1; attempt <= candidates; ++attempt) {
    if (lane.slot >= task.wanted_slots) break;
    const SampleRef candidate = task.samples.substitute(lane.slot, attempt);
    make_alone(task, candidate, lane);
    if (!lane.error) {
      record.outcome = Outcome::substituted;
      record.stand_in = candidate;
      record.captions_dropped = lane.fields[set_].captions_dropped();
      lane.error = std::move(error);
      return;
    }
    if (lane.error->reason == Reason::stale_index) return;
  }
  error.message += candidates == 0 ? "; and no other sample could take its place"
                                   : "; and none of the next " + std::to_string(candidates) +
                                         " samples could take its place";
  lane.error = std::move(error);
}

void SampleWorker::make_alone(const Task& task, const SampleRef& ref, Lane& lane) {
  select(task, ref, lane);
  Lane* const alone = &lane;
  if (lane.is_selected) write(task, std::span(&alone, 1));
}

void SampleWorker::select(const Task& task, const SampleRef& ref, Lane& lane) {
  lane.is_selected = false;
  lane.error.reset();
  {
    StageTimer timer(times_, Stage::read, 0);
    if (Result<void> read = task.samples.read(ref, lane.shard, lane.sample); !read) {
      lane.error = std::move(read.error());
      return;
    }
    times_[Stage::read].bytes += lane.sample.end_bytes() - lane.sample.begin_bytes();
  }
  const SlotUse use{draw_of(task.epoch_seed, task.samples.position(lane.slot)),
                    task.samples.part(ref)};
  if (Result<void> selected = lane.fields[set_].select(lane.sample, use); !selected) {
    task.samples.done_with(*lane.shard, lane.sample);
    lane.error = std::move(selected.error());
    locate(*lane.error, lane.sample);
    return;
  }
  lane.is_selected = true;
}

void SampleWorker::write(const Task& task, std::span<Lane* const> lanes) {
  SampleMaker& maker = makers_[set_];
  maker.begin();
  std::array<const SampleFields*, kMostTogether> fields{};
  std::transform(lanes.begin(), lanes.end(), fields.begin(),
                 [this](const Lane* lane) { return &lane->fields[set_]; });
  maker.prepare(std::span(fields).first(lanes.size()), times_);
  for (Lane* lane : lanes) {
    Result<void> written = write_columns(task.batch, *lane);
    task.samples.done_with(*lane->shard, lane->sample);
    if (written) continue;
    lane->error = std::move(written.error());
    locate(*lane->error, lane->sample);
  }
}

Result<void> SampleWorker::write_columns(Batch& batch, const Lane& lane) {
  SampleMaker& maker = makers_[set_];
  for (std::size_t i = 0; i < maker.columns(); ++i) {
    BatchColumn& output = batch.columns[i];
    if (output.spec->dtype == Dtype::bytes) {
      const std::span<const std::uint8_t> field = lane.fields[set_].of(i);
      StageTimer timer(times_, Stage::copy, field.size());
      output.strings[lane.slot].assign(field.begin(), field.end());
      continue;
    }
    const std::size_t bytes = maker.slot_bytes(i);
    if (Result<void> written = maker.write(
            i, lane.fields[set_], output.memory.bytes.subspan(lane.slot * bytes, bytes), times_);
        !written) {
      return written;
    }
  }
  return {};
}

StageTimes SampleWorker::take_times() { return std::exchange(times_, StageTimes{}); }

}  // namespace millrace
