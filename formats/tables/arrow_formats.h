#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Parquet and Arrow IPC as shard_format.h asks for them. Errors: those of ArrowReaders.
bool is_parquet(std::string_view file_name, std::span<const std::uint8_t> bytes);
Result<std::shared_ptr<const Shard>> open_parquet(const std::string& shard, ShardBytes bytes,
                                                  const ReadOptions& options);

bool is_arrow(std::string_view file_name, std::span<const std::uint8_t> bytes);
Result<std::shared_ptr<const Shard>> open_arrow(const std::string& path, ShardBytes bytes,
                                                const ReadOptions& options);

}  // namespace millrace
