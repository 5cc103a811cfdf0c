#include "millrace/arrow_ext/row_table.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <string_view>
#include <utility>

#include <arrow/record_batch.h>

#include "millrace/arrow_ext/sample_filler.h"
#include "millrace/arrow_ext/value_text.h"

namespace millrace::arrow_ext {

namespace {

tl::unexpected<Error> located(Error error, const Sample& sample, const RowNames& names) {
  error.shard = sample.shard();
  error.offset_bytes = sample.begin_bytes();
  error.unit = OffsetUnit::row;
  if (error.key.empty() && (names.key || names.image_column)) {
    error.key = names.key ? *names.key : names.image_path;
  }
  return tl::unexpected<Error>(std::move(error));
}

bool may_hold_bytes(const Column& column) {
  switch (column.kind()) {
    case Column::Kind::text:
    case Column::Kind::bytes:
      return true;
    default:
      return column.kind() != Column::Kind::dictionary &&
             std::any_of(column.children().begin(), column.children().end(), may_hold_bytes);
  }
}

void each_bytes(const Column& column, std::int64_t row,
                const std::function<void(RowTable::Bytes)>& with) {
  using Kind = Column::Kind;
  if (column.is_null(row)) return;
  switch (column.kind()) {
    case Kind::text:
    case Kind::bytes:
      if (const auto bytes = column.bytes(row)) with(*bytes);
      return;
    case Kind::list:
    case Kind::map:
      if (!may_hold_bytes(column)) return;
      if (const auto entries = column.entries(row)) {
        for (std::int64_t entry = entries->begin; entry < entries->end; ++entry) {
          each_bytes(column.children()[0], entry, with);
        }
      }
      return;
    case Kind::structure:
    case Kind::image:
    case Kind::modality:
      for (const Column& child : column.children()) {
        each_bytes(child, column.member_row(row), with);
      }
      return;
    default:
      return;
  }
}

}  // namespace

RowTable::RowTable(std::string shard, ReadOptions options, ColumnChoice choice,
                   RowFields row_fields, std::shared_ptr<const ImageStore> images)
    : shard_(std::move(shard)),
      options_(std::move(options)),
      choice_(std::move(choice)),
      row_fields_(std::move(row_fields)),
      images_(std::move(images)) {}

Result<std::unique_ptr<RowTable>> RowTable::open(std::string shard, const std::string& file,
                                                 const ReadOptions& options, ColumnChoice choice) {
  auto row_fields = RowFields::open(file, options);
  if (!row_fields) return tl::unexpected<Error>(std::move(row_fields.error()));
  std::shared_ptr<const ImageStore> images;
  if (choice.names_images) {
    auto opened = ImageStore::open(file, options);
    if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
    images = std::move(*opened);
  }
  return std::unique_ptr<RowTable>(new RowTable(std::move(shard), options, std::move(choice),
                                                std::move(*row_fields), std::move(images)));
}

void RowTable::append(std::unique_ptr<Part> part) {
  if (part->rows == 0) return;
  part->first_row = rows_;
  rows_ += part->rows;
  parts_.push_back(std::move(part));
}

void RowTable::add_batch(std::shared_ptr<arrow::RecordBatch> batch, std::uint64_t rows) {
  auto part = std::make_unique<Part>();
  part->rows = rows;
  part->batch = std::move(batch);
  append(std::move(part));
}

void RowTable::add_damage(std::uint64_t rows, std::string why) {
  auto part = std::make_unique<Part>();
  part->rows = rows;
  part->why = one_line(std::move(why));
  damaged_ += rows;
  append(std::move(part));
}

ShardIndex RowTable::index() const {
  ShardIndex index;
  index.sample_offsets.resize(rows_);
  std::iota(index.sample_offsets.begin(), index.sample_offsets.end(), std::uint64_t{0});
  index.damaged = damaged_;
  return index;
}

const RowTable::Part* RowTable::part_of(std::uint64_t row) const {
  if (row >= rows_) return nullptr;
  const auto next =
      std::upper_bound(parts_.begin(), parts_.end(), row,
                       [](std::uint64_t at, const auto& part) { return at < part->first_row; });
  return std::prev(next)->get();
}

const std::string& RowTable::lay_open(const Part& part) const {
  if (!part.why.empty() || !part.batch) return part.why;
  std::call_once(part.once, [&] {
    arrow::Status status = part.batch->Validate();
    for (std::size_t i = 0; status.ok() && i < choice_.columns.size(); ++i) {
      auto column =
          Column::over(part.batch->column_data(static_cast<int>(i)), choice_.columns[i].name);
      status = column.status();
      if (column.ok()) part.columns.push_back(std::move(*column));
    }
    if (!status.ok()) part.found = "the record batch is damaged: " + one_line(status.message());
  });
  return part.found;
}

Result<RowNames> RowTable::names_of(const Part& part, std::uint64_t row,
                                    std::vector<std::uint8_t>& key) const {
  RowNames names;
  names.number = row;
  std::size_t key_rank = ChosenColumn::kNone;
  std::size_t path_rank = ChosenColumn::kNone;
  std::vector<std::uint8_t> none;
  for (std::size_t i = 0; i < part.columns.size(); ++i) {
    const ChosenColumn& chosen = choice_.columns[i];
    const bool is_key = chosen.key_rank < key_rank;
    const bool is_path = chosen.path_rank < path_rank;
    if (!is_key && !is_path) continue;
    const auto text = text_of(part.columns[i], static_cast<std::int64_t>(row - part.first_row),
                              is_key ? key : none);
    if (!text) return tl::unexpected<Error>(text.error());
    if (!text->has_value()) continue;
    if (is_key) {
      names.key = *text;
      key_rank = chosen.key_rank;
    }
    if (is_path) {
      names.image_column = chosen.name;
      names.image_path = **text;
      path_rank = chosen.path_rank;
    }
  }
  return names;
}

Result<void> RowTable::fill(const Part& part, const RowNames& names, Sample& sample) const {
  SampleFiller filler(options_, images_.get(), sample);
  const bool replaced = !choice_.has_images && RowFields::replaces_column(names);
  for (std::size_t i = 0; i < part.columns.size(); ++i) {
    const ChosenColumn& chosen = choice_.columns[i];
    if (!chosen.is_field || (replaced && chosen.name == *names.image_column)) continue;
    auto added =
        filler.add(part.columns[i], static_cast<std::int64_t>(names.number - part.first_row),
                   chosen.name, chosen.path_name);
    if (!added) return added;
  }
  if (!choice_.has_images) return row_fields_.finish(names, sample);
  // The path is the key still, where there is no other.
  RowNames without_path = names;
  if (!names.key && names.image_column) without_path.key = names.image_path;
  without_path.image_column.reset();
  return row_fields_.finish(without_path, sample);
}

Result<void> RowTable::read(std::uint64_t row, Sample& sample) const {
  sample.reset(shard_, row, OffsetUnit::row);
  sample.set_end_bytes(row + 1);
  RowNames names;
  names.number = row;
  const Part* part = part_of(row);
  if (!part) {
    Error error{
        Reason::damaged_shard, "there are only " + std::to_string(rows_) + " rows", {}, 0, {}};
    return located(std::move(error), sample, names);
  }
  if (const std::string& why = lay_open(*part); !why.empty()) {
    return located(Error{Reason::damaged_shard, why, {}, 0, {}}, sample, names);
  }
  std::vector<std::uint8_t>& key = sample.own_bytes();
  const auto found = names_of(*part, row, key);
  if (!found) return located(found.error(), sample, names);
  auto filled = fill(*part, *found, sample);
  if (!filled) return located(std::move(filled.error()), sample, *found);
  return {};
}

void RowTable::for_each_bytes(std::uint64_t begin_row, std::uint64_t end_row,
                              const std::function<void(Bytes)>& with) const {
  for (std::uint64_t row = begin_row; row < std::min(end_row, rows_); ++row) {
    const Part* part = part_of(row);
    if (!lay_open(*part).empty()) continue;
    for (std::size_t i = 0; i < part->columns.size(); ++i) {
      if (!choice_.columns[i].is_field) continue;
      each_bytes(part->columns[i], static_cast<std::int64_t>(row - part->first_row), with);
    }
  }
}

}  // namespace millrace::arrow_ext
