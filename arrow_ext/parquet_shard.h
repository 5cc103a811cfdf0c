#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace::arrow_ext {

/// Errors: damaged_shard, naming the file.
Result<std::uint64_t> parquet_row_groups(const std::shared_ptr<const ByteSource>& file);

/// The row group `FILE#N` of the file; of a file with just one, `FILE` will do. The chosen columns
/// are unpacked here, unless no field is asked for: then when the first row is read. A row group
/// that cannot be unpacked, or only beyond the limits, has all its rows, and reading each of them
/// is the error. Errors: io_error for a row group that is not there and a compression that is not
/// read; damaged_shard for a footer that is broken.
Result<std::shared_ptr<const Shard>> parquet_shard(const std::string& shard,
                                                   std::shared_ptr<const ByteSource> file,
                                                   const ReadOptions& options);

}  // namespace millrace::arrow_ext
