#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// What reads Parquet and Arrow IPC: a library of its own (arrow_ext), because it needs Arrow C++.
/// It is loaded when such a source is first asked for; the rest works without.
class ArrowReaders {
 public:
  virtual ~ArrowReaders() = default;

  /// The number of row groups of a Parquet file. Errors: io_error, damaged_shard.
  virtual Result<std::uint64_t> row_groups(const std::string& path) const = 0;
  /// One row group, `FILE#N`, of `file`. Its rows are unpacked when it is opened, only the columns
  /// that `options.fields` need. See arrow_ext/parquet_shard.h.
  virtual Result<std::shared_ptr<const Shard>> open_parquet(const std::string& shard,
                                                            std::shared_ptr<const ByteSource> file,
                                                            const ReadOptions& options) const = 0;
  /// An Arrow IPC file or stream. Bytes stay where they are in the mapped file, unless it is
  /// compressed. See arrow_ext/arrow_shard.h.
  virtual Result<std::shared_ptr<const Shard>> open_arrow(const std::string& path,
                                                          std::shared_ptr<const ByteSource> file,
                                                          const ReadOptions& options) const = 0;

  /// Loads them, once. Thread-safe. Errors: io_error, saying what to install.
  static Result<const ArrowReaders*> load();

 protected:
  ArrowReaders() = default;
};

}  // namespace millrace
