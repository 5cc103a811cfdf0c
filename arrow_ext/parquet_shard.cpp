#include "millrace/arrow_ext/parquet_shard.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include "millrace/arrow_ext/budgeted_pool.h"
#include "millrace/arrow_ext/chosen_columns.h"
#include "millrace/arrow_ext/parquet_footers.h"
#include "millrace/arrow_ext/row_table.h"
#include "millrace/arrow_ext/source_input.h"
#include "millrace/arrow_ext/value_text.h"

namespace millrace::arrow_ext {

namespace {

// Rows that a damaged row group may say it has without a byte of the file for each: errors to be
// counted one by one.
constexpr std::uint64_t kRowsWithoutBytes = std::uint64_t{1} << 20;
// A footer's own limits; Arrow's are 100 MB and a million.
constexpr std::int32_t kMaxFooterString = 64 << 20;
constexpr std::int32_t kMaxFooterList = 1'000'000;

tl::unexpected<Error> failure(Reason reason, std::string message, std::string_view shard) {
  return tl::unexpected<Error>(
      Error{reason, one_line(std::move(message)), std::string(shard), Error::kNoOffset, {}});
}

// The N of `FILE#N`; nothing for the file itself.
std::optional<int> group_number(std::string_view shard, std::string_view file) {
  if (shard.size() <= file.size() + 1) return std::nullopt;
  const std::string_view digits = shard.substr(file.size() + 1);
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

void collect_leaves(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.column_index >= 0) leaves.push_back(field.column_index);
  for (const auto& child : field.children) collect_leaves(child, leaves);
}

// What the row group unpacks to, or `most`. Footers may claim anything.
std::uint64_t bytes_of(const parquet::RowGroupMetaData& group, std::uint64_t most) {
  std::uint64_t bytes = 0;
  for (int leaf = 0; leaf < group.num_columns(); ++leaf) {
    const std::int64_t claimed = group.ColumnChunk(leaf)->total_uncompressed_size();
    bytes += std::min(most - bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(0, claimed)));
  }
  return bytes;
}

class ParquetShard final : public Shard {
 public:
  ParquetShard(std::string name, std::shared_ptr<const ByteSource> file, const ReadOptions& options)
      : name_(std::move(name)),
        file_(std::move(file)),
        options_(options),
        pool_(options.limits.max_unpacked_bytes) {}

  // May throw what Parquet throws.
  Result<void> open(std::optional<int> number);

  std::string_view name() const override { return name_; }
  const ByteSource& source() const override { return *file_; }
  Result<ShardIndex> index() const override;
  Result<void> read(std::uint64_t offset, Sample& sample) const override;
  std::uint64_t unpacked_bytes() const override {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(pool_.bytes_allocated()));
  }
  std::uint64_t whole_unpacked_bytes() const override {
    return std::max<std::uint64_t>(1, whole_bytes_);
  }
  std::uint64_t will_need(std::uint64_t offset, std::uint64_t next_offset) const override {
    return rows_ == 0 ? 0 : unpacked_bytes() / rows_ * (next_offset - offset);
  }
  void done_with(const Sample&) const override {}

 private:
  parquet::ReaderProperties reader_properties() const;
  Result<void> check_chunks(const parquet::RowGroupMetaData& group);
  arrow::Status unpack();
  const RowTable& table() const;

  std::string name_;
  std::shared_ptr<const ByteSource> file_;
  ReadOptions options_;
  mutable BudgetedPool pool_;  // before what is allocated from it
  std::uint64_t rows_ = 0;
  std::uint64_t whole_bytes_ = 0;  // of all columns
  int number_ = 0;
  ColumnChoice choice_;
  std::vector<int> leaves_;
  std::string too_large_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<parquet::arrow::FileReader> reader_;  // until the rows are unpacked
  mutable std::unique_ptr<RowTable> table_;
};

parquet::ReaderProperties ParquetShard::reader_properties() const {
  parquet::ReaderProperties properties(&pool_);
  properties.set_page_checksum_verification(true);
  properties.set_thrift_string_size_limit(kMaxFooterString);
  properties.set_thrift_container_size_limit(kMaxFooterList);
  return properties;
}

Result<void> ParquetShard::check_chunks(const parquet::RowGroupMetaData& group) {
  std::uint64_t bytes = 0;
  for (const int leaf : leaves_) {
    const auto chunk = group.ColumnChunk(leaf);
    if (!arrow::util::Codec::IsAvailable(chunk->compression())) {
      return failure(
          Reason::io_error,
          "column \"" + chunk->path_in_schema()->ToDotString() + "\" is compressed with " +
              arrow::util::Codec::GetCodecAsString(chunk->compression()) + ", which is not read",
          name_);
    }
    bytes +=
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, chunk->total_uncompressed_size()));
    const std::uint64_t most = options_.limits.max_unpacked_bytes;
    if (bytes > most) {
      too_large_ =
          "the row group unpacks to more than max_unpacked_bytes = " + std::to_string(most);
      return {};
    }
  }
  return {};
}

Result<void> ParquetShard::open(std::optional<int> number) {
  const auto input = input_over(file_);
  const auto footer = parquet_footer(*file_, input);
  if (!number && footer->num_row_groups() > 1) {
    return failure(Reason::io_error,
                   "has " + std::to_string(footer->num_row_groups()) +
                       " row groups, which are shards of their own: FILE#0 and so on",
                   name_);
  }
  number_ = number.value_or(0);
  const bool is_empty = !number && footer->num_row_groups() == 0;
  if (!is_empty && (number_ < 0 || number_ >= footer->num_row_groups())) {
    return failure(Reason::io_error,
                   "the file has " + std::to_string(footer->num_row_groups()) + " row groups",
                   name_);
  }

  parquet::arrow::FileReaderBuilder builder;
  parquet::ArrowReaderProperties properties(false);
  // Values are read as they are stored. Besides, what libparquet makes of a geometry's description
  // needs a simdjson of its own, whose symbols it may find in ours.
  properties.set_arrow_extensions_enabled(false);
  arrow::Status status = builder.Open(input, reader_properties(), footer);
  if (status.ok()) status = builder.memory_pool(&pool_)->properties(properties)->Build(&reader_);
  std::shared_ptr<arrow::Schema> schema;
  if (status.ok()) status = reader_->GetSchema(&schema);
  if (!status.ok()) return failure(Reason::damaged_shard, status.message(), name_);
  choice_ = choose_columns(*schema, options_);
  for (const ChosenColumn& column : choice_.columns) {
    collect_leaves(reader_->manifest().schema_fields[static_cast<std::size_t>(column.index)],
                   leaves_);
  }
  auto table = RowTable::open(name_, std::string(file_->name()), options_, choice_);
  if (!table) return tl::unexpected<Error>(std::move(table.error()));
  table_ = std::move(*table);
  if (is_empty) {
    std::call_once(once_, [] {});
    return {};
  }

  const auto group = footer->RowGroup(number_);
  if (group->num_rows() < 0) {
    return failure(Reason::damaged_shard, "the row group has fewer than no rows", name_);
  }
  rows_ = static_cast<std::uint64_t>(group->num_rows());
  whole_bytes_ = bytes_of(*group, options_.limits.max_unpacked_bytes);
  if (auto readable = check_chunks(*group); !readable) return readable;
  // Errors beyond belief: nothing would be learnt from counting them.
  const bool is_believable = rows_ <= std::max(kRowsWithoutBytes, file_->bytes().size());
  if (choice_.any_field || !is_believable) this->table();
  if (!is_believable && (leaves_.empty() || table_->damaged() > 0)) {
    return failure(Reason::damaged_shard,
                   "the row group says that it has " + std::to_string(rows_) + " rows", name_);
  }
  return {};
}

arrow::Status ParquetShard::unpack() {
  if (!too_large_.empty()) return arrow::Status::OutOfMemory(too_large_);
  if (leaves_.empty()) {
    table_->add_batch(nullptr, rows_);
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto unpacked, reader_->ReadRowGroup(number_, leaves_));
  if (static_cast<std::uint64_t>(unpacked->num_rows()) != rows_) {
    return arrow::Status::Invalid("the row group has ", unpacked->num_rows(), " rows, not ", rows_,
                                  " as its footer says");
  }
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  arrow::TableBatchReader reader(*unpacked);
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (!batch) break;
    batches.push_back(std::move(batch));
  }
  for (auto& batch : batches) {
    const auto rows = static_cast<std::uint64_t>(batch->num_rows());
    table_->add_batch(std::move(batch), rows);
  }
  return arrow::Status::OK();
}

const RowTable& ParquetShard::table() const {
  std::call_once(once_, [this] {
    std::string why;
    try {
      const arrow::Status status = const_cast<ParquetShard*>(this)->unpack();
      if (!status.ok()) why = status.message();
    } catch (const std::exception& error) {
      why = error.what();
    }
    if (!why.empty()) table_->add_damage(rows_, "the row group cannot be unpacked: " + why);
    reader_.reset();
    file_->done_with(0, file_->bytes().size());
  });
  return *table_;
}

Result<ShardIndex> ParquetShard::index() const {
  if (auto unchanged = file_->check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  // Rows that nobody has asked for yet are only counted.
  if (choice_.any_field || rows_ == 0) return table().index();
  ShardIndex index;
  index.sample_offsets.resize(rows_);
  for (std::uint64_t row = 0; row < rows_; ++row) index.sample_offsets[row] = row;
  return index;
}

Result<void> ParquetShard::read(std::uint64_t offset, Sample& sample) const {
  return table().read(offset, sample);
}

template <typename Call>
auto without_exceptions(std::string_view shard, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return failure(Reason::io_error, "there is not enough memory for it", shard);
  } catch (const std::exception& error) {
    return failure(Reason::damaged_shard, error.what(), shard);
  }
}

}  // namespace

Result<std::uint64_t> parquet_row_groups(const std::shared_ptr<const ByteSource>& file) {
  return without_exceptions(file->name(), [&]() -> Result<std::uint64_t> {
    const int groups = parquet_footer(*file, input_over(file))->num_row_groups();
    return static_cast<std::uint64_t>(std::max(0, groups));
  });
}

Result<std::shared_ptr<const Shard>> parquet_shard(const std::string& shard,
                                                   std::shared_ptr<const ByteSource> file,
                                                   const ReadOptions& options) {
  return without_exceptions(shard, [&]() -> Result<std::shared_ptr<const Shard>> {
    const std::optional<int> number = group_number(shard, file->name());
    const auto opened = std::make_shared<ParquetShard>(shard, std::move(file), options);
    auto status = opened->open(number);
    if (!status) return tl::unexpected<Error>(std::move(status.error()));
    return opened;
  });
}

}  // namespace millrace::arrow_ext
