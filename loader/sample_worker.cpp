#include "millrace/loader/sample_worker.h"

#include <algorithm>
#include <utility>

namespace millrace {

namespace {

constexpr std::size_t kPageBytes = 4096;

// Brings the pages in, so that waiting for the disk is counted as reading and not as decoding.
void touch(std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kPageBytes) {
    static_cast<void>(*static_cast<const volatile std::uint8_t*>(bytes.data() + i));
  }
}

}  // namespace

SampleWorker::SampleWorker(const Dataset& dataset, const Columns& columns,
                           OnBadSample on_bad_sample)
    : dataset_(dataset), on_bad_sample_(on_bad_sample) {
  columns_.reserve(columns.size());
  for (const auto& [name, column] : columns) {
    columns_.push_back({FieldSelector(column.fields),
                        {},
                        column.transform->make_writer(),
                        column.transform->output().slot_bytes(),
                        {}});
  }
}

Outcome SampleWorker::fill(const Task& task, std::optional<Error>& error) {
  const EpochOrder& order = task.order;
  const auto make_at = [&](std::uint64_t position) {
    return make(dataset_.counts().locate(order.at(position)), task.batch, task.slot);
  };
  Result<void> made = make_at(task.position);
  if (made) return Outcome::delivered;
  error = std::move(made.error());
  if (on_bad_sample_ == OnBadSample::skip) return Outcome::skipped;
  if (on_bad_sample_ == OnBadSample::raise) return Outcome::raised;
  const std::uint64_t candidates = std::min(order.substitutes(task.position), kMostSubstitutes);
  for (std::uint64_t attempt = 1; attempt <= candidates; ++attempt) {
    if (task.slot >= task.wanted_slots) break;
    if (make_at(order.substitute(task.position, attempt))) return Outcome::substituted;
  }
  error->message +=
      "; and none of the next " + std::to_string(candidates) + " samples could take its place";
  return Outcome::raised;
}

Result<void> SampleWorker::make(SampleId id, Batch& batch, std::size_t slot) {
  {
    StageTimer timer(times_, Stage::read, 0);
    if (Result<void> read = dataset_.read(id, shard_, sample_); !read) return read;
    const std::uint64_t begin = sample_.begin_bytes();
    const std::uint64_t bytes = sample_.end_bytes() - begin;
    touch(shard_->source().bytes().subspan(begin, bytes));
    times_[Stage::read].bytes += bytes;
  }
  // All fields before any of them is decoded: what lacks a caption costs no decoding.
  Result<void> written = select_fields();
  if (written) written = write_columns(batch, slot);
  shard_->source().done_with(sample_.begin_bytes(), sample_.end_bytes());
  if (!written) {
    Error& error = written.error();
    error.shard = sample_.shard();
    error.offset_bytes = sample_.begin_bytes();
    error.key = sample_.key();
  }
  return written;
}

Result<void> SampleWorker::select_fields() {
  for (ColumnWriter& column : columns_) {
    const Result<std::span<const std::uint8_t>> field =
        column.fields.select(sample_, column.scratch);
    if (!field) return tl::unexpected(field.error());
    column.field = *field;
  }
  return {};
}

Result<void> SampleWorker::write_columns(Batch& batch, std::size_t slot) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    ColumnWriter& column = columns_[i];
    BatchColumn& output = batch.columns[i];
    if (output.spec->dtype == Dtype::bytes) {
      StageTimer timer(times_, Stage::copy, column.field.size());
      output.strings[slot].assign(column.field.begin(), column.field.end());
      continue;
    }
    const std::span<std::byte> place =
        output.memory.bytes.subspan(slot * column.slot_bytes, column.slot_bytes);
    if (Result<void> written = column.writer->write(column.field, place, times_); !written) {
      written.error().message = std::string(output.name) + ": " + written.error().message;
      return written;
    }
  }
  return {};
}

StageTimes SampleWorker::take_times() { return std::exchange(times_, StageTimes{}); }

}  // namespace millrace
