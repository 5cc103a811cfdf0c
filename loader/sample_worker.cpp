#include "millrace/loader/sample_worker.h"

#include <algorithm>
#include <utility>

namespace millrace {

SampleWorker::SampleWorker(const std::vector<Columns>& column_sets, OnBadSample on_bad_sample)
    : on_bad_sample_(on_bad_sample),
      makers_(column_sets.begin(), column_sets.end()),
      maker_(makers_.data()) {}

SlotRecord SampleWorker::fill(const Task& task, std::optional<Error>& error) {
  maker_ = &makers_[task.samples.column_set()];
  SlotRecord record;
  record.sample = task.samples.at(task.slot);
  Result<void> made = make(task, record.sample);
  if (made) {
    record.outcome = Outcome::delivered;
    record.captions_dropped = maker_->captions_dropped();
    return record;
  }
  error = std::move(made.error());
  if (error->reason == Reason::stale_index) return record;
  if (on_bad_sample_ == OnBadSample::skip) record.outcome = Outcome::skipped;
  if (on_bad_sample_ == OnBadSample::substitute) find_stand_in(task, record, *error);
  return record;
}

void SampleWorker::find_stand_in(const Task& task, SlotRecord& record, Error& error) {
  const std::uint64_t candidates = std::min(task.samples.substitutes(task.slot), kMostSubstitutes);
  for (std::uint64_t attempt = 1; attempt <= candidates; ++attempt) {
    if (task.slot >= task.wanted_slots) break;
    const SampleRef candidate = task.samples.substitute(task.slot, attempt);
    const Result<void> made = make(task, candidate);
    if (made) {
      record.outcome = Outcome::substituted;
      record.stand_in = candidate;
      record.captions_dropped = maker_->captions_dropped();
      return;
    }
    if (made.error().reason == Reason::stale_index) {
      error = made.error();
      return;
    }
  }
  error.message += candidates == 0 ? "; and no other sample could take its place"
                                   : "; and none of the next " + std::to_string(candidates) +
                                         " samples could take its place";
}

Result<void> SampleWorker::make(const Task& task, const SampleRef& ref) {
  {
    StageTimer timer(times_, Stage::read, 0);
    if (Result<void> read = task.samples.read(ref, shard_, sample_); !read) return read;
    times_[Stage::read].bytes += sample_.end_bytes() - sample_.begin_bytes();
  }
  const SlotUse use{draw_of(task.epoch_seed, task.samples.position(task.slot)),
                    task.samples.part(ref)};
  Result<void> written = maker_->select(sample_, use);
  if (written) written = write_columns(task.batch, task.slot);
  task.samples.done_with(*shard_, sample_);
  if (!written) {
    Error& error = written.error();
    error.shard = sample_.shard();
    error.offset_bytes = sample_.begin_bytes();
    error.key = sample_.key();
    error.unit = sample_.offset_unit();
  }
  return written;
}

Result<void> SampleWorker::write_columns(Batch& batch, std::size_t slot) {
  for (std::size_t i = 0; i < maker_->columns(); ++i) {
    BatchColumn& output = batch.columns[i];
    if (output.spec->dtype == Dtype::bytes) {
      const std::span<const std::uint8_t> field = maker_->field(i);
      StageTimer timer(times_, Stage::copy, field.size());
      output.strings[slot].assign(field.begin(), field.end());
      continue;
    }
    const std::size_t bytes = maker_->slot_bytes(i);
    if (Result<void> written =
            maker_->write(i, output.memory.bytes.subspan(slot * bytes, bytes), times_);
        !written) {
      return written;
    }
  }
  return {};
}

StageTimes SampleWorker::take_times() { return std::exchange(times_, StageTimes{}); }

}  // namespace millrace
