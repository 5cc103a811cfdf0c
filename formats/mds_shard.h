#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/unpack.h"
#include "millrace/result/result.h"

namespace millrace {

/// Of ShardFormat.
bool is_mds(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// A MosaicML MDS shard; the index.json beside it names its columns and their encodings.
Result<std::shared_ptr<const Shard>> open_mds(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options);

}  // namespace millrace
