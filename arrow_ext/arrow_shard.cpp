#include "millrace/arrow_ext/arrow_shard.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "millrace/arrow_ext/budgeted_pool.h"
#include "millrace/arrow_ext/chosen_columns.h"
#include "millrace/arrow_ext/message_sizes.h"
#include "millrace/arrow_ext/row_table.h"
#include "millrace/arrow_ext/source_input.h"

namespace millrace::arrow_ext {

namespace {

using Bytes = std::span<const std::uint8_t>;
using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

constexpr std::string_view kFileMagic = "ARROW1";
constexpr std::int64_t kFileHeaderBytes = 8;  // the magic number, padded
// Smaller fields give too few whole pages back to be worth the call.
constexpr std::size_t kPageBytes = 4096;

bool is_file_format(Bytes bytes) {
  return bytes.size() >= kFileMagic.size() &&
         std::equal(kFileMagic.begin(), kFileMagic.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

bool has_dictionary(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DICTIONARY) return true;
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return has_dictionary(*field->type()); });
}

bool has_dictionary(const arrow::Schema& schema) {
  return std::any_of(schema.fields().begin(), schema.fields().end(),
                     [](const auto& field) { return has_dictionary(*field->type()); });
}

class ArrowShard final : public Shard {
 public:
  ArrowShard(std::string name, std::shared_ptr<const ByteSource> file, const ReadOptions& options)
      : name_(std::move(name)),
        file_(std::move(file)),
        options_(options),
        pool_(options.limits.max_unpacked_bytes) {}

  Result<void> open();

  std::string_view name() const override { return name_; }
  const ByteSource& source() const override { return *file_; }
  Result<ShardIndex> index() const override;
  Result<void> read(std::uint64_t offset, Sample& sample) const override;
  std::uint64_t unpacked_bytes() const override {
    return static_cast<std::uint64_t>(pool_.bytes_allocated());
  }
  std::uint64_t whole_unpacked_bytes() const override {
    if (!file_->check_unchanged()) return 0;
    return unpacked_bytes_of_messages(file_, is_file_format(file_->bytes()) ? kFileHeaderBytes : 0,
                                      options_.limits.max_unpacked_bytes);
  }
  std::uint64_t will_need(std::uint64_t offset, std::uint64_t next_offset) const override;
  void done_with(const Sample& sample) const override;

 private:
  std::shared_ptr<arrow::io::BufferReader> input(std::int64_t from) const;
  arrow::Result<std::shared_ptr<arrow::Schema>> read_schema();
  Result<void> choose(const arrow::Schema& schema);
  arrow::Status read_batches(bool dictionaries);
  arrow::Status read_file();
  arrow::Status read_stream(std::int64_t from, bool dictionaries);
  void add(std::shared_ptr<arrow::RecordBatch> batch);
  // Where in the file the bytes are; false if they are not in it.
  bool place_of(Bytes bytes, std::uint64_t& begin) const;

  std::string name_;
  std::shared_ptr<const ByteSource> file_;
  ReadOptions options_;
  BudgetedPool pool_;  // before what is allocated from it
  arrow::ipc::IpcReadOptions ipc_;
  bool footer_is_broken_ = false;
  std::vector<int> chosen_;
  std::unique_ptr<RowTable> table_;
};

std::shared_ptr<arrow::io::BufferReader> ArrowShard::input(std::int64_t from) const {
  auto whole = input_over(file_);
  // It lies within the file.
  (void)whole->Seek(from);
  return whole;
}

arrow::Result<std::shared_ptr<arrow::Schema>> ArrowShard::read_schema() {
  ipc_.memory_pool = &pool_;
  ipc_.use_threads = false;
  if (is_file_format(file_->bytes())) {
    const auto reader = arrow::ipc::RecordBatchFileReader::Open(input(0), ipc_);
    if (reader.ok()) return (*reader)->schema();
    footer_is_broken_ = true;
    if (file_->bytes().size() <= kFileHeaderBytes) return reader.status();
  }
  ARROW_ASSIGN_OR_RAISE(const auto reader,
                        arrow::ipc::RecordBatchStreamReader::Open(
                            input(footer_is_broken_ ? kFileHeaderBytes : 0), ipc_));
  return reader->schema();
}

Result<void> ArrowShard::choose(const arrow::Schema& schema) {
  ColumnChoice choice = choose_columns(schema, options_);
  chosen_ = choice.indices();
  auto table = RowTable::open(name_, std::string(file_->name()), options_, std::move(choice));
  if (!table) return tl::unexpected<Error>(std::move(table.error()));
  table_ = std::move(*table);
  return {};
}

Result<void> ArrowShard::open() {
  const auto schema = read_schema();
  if (!schema.ok()) return fail(Reason::damaged_shard, schema.status().message());
  if (auto chosen = choose(**schema); !chosen) return chosen;
  const arrow::Status status = read_batches(has_dictionary(**schema));
  if (!status.ok()) table_->add_damage(1, status.message());
  return {};
}

arrow::Status ArrowShard::read_batches(bool dictionaries) {
  if (!is_file_format(file_->bytes())) return read_stream(0, dictionaries);
  if (!footer_is_broken_) return read_file();
  ARROW_RETURN_NOT_OK(read_stream(kFileHeaderBytes, dictionaries));
  return arrow::Status::Invalid("the file's footer is broken or cut off");
}

void ArrowShard::add(std::shared_ptr<arrow::RecordBatch> batch) {
  const auto rows = static_cast<std::uint64_t>(std::max<std::int64_t>(0, batch->num_rows()));
  // Every row of every layout but that of nulls takes at least a bit.
  if (rows / 8 > std::max<std::uint64_t>(file_->bytes().size(), kPageBytes) + unpacked_bytes()) {
    table_->add_damage(1, "a record batch says that it has " + std::to_string(rows) + " rows");
    return;
  }
  table_->add_batch(std::move(batch), rows);
}

arrow::Status ArrowShard::read_file() {
  // All columns: where some are to be left out, Arrow's reader copies the others.
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchFileReader::Open(input(0), ipc_));
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    auto batch = reader->ReadRecordBatch(i);
    if (batch.ok()) batch = (*batch)->SelectColumns(chosen_);
    if (batch.ok()) {
      add(std::move(*batch));
    } else {
      table_->add_damage(1, "record batch " + std::to_string(i) + ": " + batch.status().message());
    }
  }
  return arrow::Status::OK();
}

arrow::Status ArrowShard::read_stream(std::int64_t from, bool dictionaries) {
  const auto stream = input(from);
  const auto end = static_cast<std::int64_t>(file_->bytes().size());
  ipc_.included_fields = chosen_;
  if (chosen_.empty()) ipc_.included_fields = {0};  // an empty list would mean all
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchStreamReader::Open(stream, ipc_));
  for (std::uint64_t number = 0;; ++number) {
    ARROW_ASSIGN_OR_RAISE(const std::int64_t begin, stream->Tell());
    std::shared_ptr<arrow::RecordBatch> batch;
    const arrow::Status status = reader->ReadNext(&batch);
    if (status.ok() && !batch) {
      // The mark of the end is 8 bytes; of old files 4, zeros.
      const auto rest = file_->bytes().subspan(static_cast<std::size_t>(begin));
      const bool is_old_mark = rest.size() >= 4 && std::all_of(rest.begin(), rest.begin() + 4,
                                                               [](auto byte) { return byte == 0; });
      if (rest.empty() || rest.size() >= 8 || is_old_mark) return arrow::Status::OK();
      return arrow::Status::Invalid("the stream is cut in the header of a message");
    }
    if (status.ok()) {
      add(std::move(batch));
      continue;
    }
    const std::string why = "record batch " + std::to_string(number) + ": " + status.message();
    ARROW_ASSIGN_OR_RAISE(const std::int64_t now, stream->Tell());
    // What comes behind would be read with a dictionary that may not be its own.
    if (dictionaries || now <= begin || now >= end) return arrow::Status::Invalid(why);
    table_->add_damage(1, why);
  }
}

Result<ShardIndex> ArrowShard::index() const {
  if (auto unchanged = file_->check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  return table_->index();
}

Result<void> ArrowShard::read(std::uint64_t offset, Sample& sample) const {
  if (auto unchanged = file_->check_unchanged(); !unchanged) {
    sample.reset(name_, offset, OffsetUnit::row);
    Error error = std::move(unchanged.error());
    error.shard = name_;
    error.offset_bytes = offset;
    error.unit = OffsetUnit::row;
    return tl::unexpected<Error>(std::move(error));
  }
  return table_->read(offset, sample);
}

bool ArrowShard::place_of(Bytes bytes, std::uint64_t& begin) const {
  const Bytes all = file_->bytes();
  const std::less<> before;
  if (bytes.empty() || before(bytes.data(), all.data()) ||
      before(all.data() + all.size(), bytes.data() + bytes.size())) {
    return false;
  }
  begin = static_cast<std::uint64_t>(bytes.data() - all.data());
  return true;
}

std::uint64_t ArrowShard::will_need(std::uint64_t offset, std::uint64_t next_offset) const {
  std::uint64_t bytes = 0;
  // The rows' offsets are looked at, which lie in the file: one that shrank has none.
  if (!file_->check_unchanged()) return bytes;
  table_->for_each_bytes(offset, next_offset, [&](Bytes one) {
    bytes += one.size();
    std::uint64_t begin = 0;
    if (one.size() >= kPageBytes && place_of(one, begin)) {
      file_->will_need(begin, begin + one.size());
    }
  });
  return bytes;
}

void ArrowShard::done_with(const Sample& sample) const {
  for (const Field& field : sample.fields()) {
    std::uint64_t begin = 0;
    if (field.data.size() >= kPageBytes && place_of(field.data, begin)) {
      file_->done_with(begin, begin + field.data.size());
    }
  }
}

}  // namespace

Result<std::shared_ptr<const Shard>> arrow_shard(const std::string& path,
                                                 std::shared_ptr<const ByteSource> file,
                                                 const ReadOptions& options) {
  const auto located = [&](Error error) {
    std::replace(error.message.begin(), error.message.end(), '\n', ' ');
    error.shard = path;
    return tl::unexpected<Error>(std::move(error));
  };
  try {
    const auto shard = std::make_shared<ArrowShard>(path, std::move(file), options);
    auto opened = shard->open();
    if (!opened) return located(std::move(opened.error()));
    return shard;
  } catch (const std::bad_alloc&) {
    return located(
        {Reason::io_error, "there is not enough memory for it", {}, Error::kNoOffset, {}});
  } catch (const std::exception& error) {
    return located({Reason::damaged_shard, error.what(), {}, Error::kNoOffset, {}});
  }
}

}  // namespace millrace::arrow_ext
