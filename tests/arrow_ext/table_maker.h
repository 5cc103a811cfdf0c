#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/table.h>
#include <arrow/util/compression.h>

namespace millrace::test {

/// `rows` rows of `key` ("k0", ...), `caption` (text, null in every fifth row), `width` (int32) and
/// `jpg` (bytes that look random, null in every seventh row).
std::shared_ptr<arrow::Table> photo_table(std::int64_t rows, std::int64_t image_bytes = 200);
/// What a row's `jpg` is, if it is not null.
std::string photo_bytes(std::int64_t row, std::int64_t image_bytes = 200);

/// A table from JSON: `[[1, "a"], [2, null]]`, a list of each column's values.
std::shared_ptr<arrow::Array> array_of(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json);

struct ParquetForm {
  arrow::Compression::type compression = arrow::Compression::UNCOMPRESSED;
  std::int64_t rows_per_group = 1 << 20;
  bool checksums = false;
};
void write_parquet(const arrow::Table& table, const std::string& path,
                   const ParquetForm& form = {});

struct ArrowForm {
  arrow::Compression::type compression = arrow::Compression::UNCOMPRESSED;
  std::int64_t rows_per_batch = 1 << 20;
  bool is_file = false;  ///< the file format, else a stream
};
void write_arrow(const arrow::Table& table, const std::string& path, const ArrowForm& form = {});

}  // namespace millrace::test
