#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "millrace/arrow_ext/chosen_columns.h"
#include "millrace/arrow_ext/column.h"
#include "millrace/formats/byte_source.h"
#include "millrace/formats/images/image_store.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tables/row_fields.h"
#include "millrace/result/result.h"

namespace millrace::arrow_ext {

/// The rows of one shard: record batches one behind the other, and between them places where rows
/// were lost. Filled by one thread; then immutable and thread-safe.
class RowTable {
 public:
  /// `file` is what images that rows name lie beside. Errors: io_error if their folder is none.
  static Result<std::unique_ptr<RowTable>> open(std::string shard, const std::string& file,
                                                const ReadOptions& options, ColumnChoice choice);

  /// Batches have exactly the chosen columns, in that order (`batch` null: no column was chosen).
  /// The memory of what is in them is looked at when one of their rows is first read.
  void add_batch(std::shared_ptr<arrow::RecordBatch> batch, std::uint64_t rows);
  /// That many rows cannot be read, for this reason.
  void add_damage(std::uint64_t rows, std::string why);

  std::uint64_t rows() const { return rows_; }
  std::uint64_t damaged() const { return damaged_; }
  ShardIndex index() const;
  /// Errors as Shard::read has them.
  Result<void> read(std::uint64_t row, Sample& sample) const;

  using Bytes = std::span<const std::uint8_t>;
  /// Calls `with` for the memory of each text and bytes of the rows that become fields.
  void for_each_bytes(std::uint64_t begin_row, std::uint64_t end_row,
                      const std::function<void(Bytes)>& with) const;

 private:
  struct Part {
    std::uint64_t first_row = 0;
    std::uint64_t rows = 0;
    std::shared_ptr<arrow::RecordBatch> batch;
    std::string why;  // of damage that is known from the start
    mutable std::once_flag once;
    mutable std::vector<Column> columns;
    mutable std::string found;  // why the batch cannot be read
  };

  RowTable(std::string shard, ReadOptions options, ColumnChoice choice, RowFields rows,
           std::shared_ptr<const ImageStore> images);
  void append(std::unique_ptr<Part> part);
  const Part* part_of(std::uint64_t row) const;
  /// Empty: its columns are there to be looked at.
  const std::string& lay_open(const Part& part) const;
  Result<RowNames> names_of(const Part& part, std::uint64_t row,
                            std::vector<std::uint8_t>& key) const;
  Result<void> fill(const Part& part, const RowNames& names, Sample& sample) const;

  std::string shard_;
  ReadOptions options_;
  ColumnChoice choice_;
  RowFields row_fields_;
  std::shared_ptr<const ImageStore> images_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::uint64_t rows_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace millrace::arrow_ext
