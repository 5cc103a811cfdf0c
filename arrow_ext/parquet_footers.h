#pragma once

#include <memory>

#include <arrow/io/interfaces.h>
#include <parquet/metadata.h>

#include "millrace/formats/byte_source.h"

namespace millrace::arrow_ext {

/// The footer of a Parquet file. Those read last are kept, because every row group of a file needs
/// the whole of it. Throws parquet::ParquetException. Thread-safe.
std::shared_ptr<parquet::FileMetaData> parquet_footer(
    const ByteSource& file, const std::shared_ptr<arrow::io::RandomAccessFile>& input);

}  // namespace millrace::arrow_ext
