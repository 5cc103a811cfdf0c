#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Of ShardFormat.
bool is_jsonl(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// JSON lines: one JSON object a line, split at line feeds. Blank lines are passed over; a line
/// that is no object is a bad sample whose error says which line it is.
Result<std::shared_ptr<const Shard>> open_jsonl(const std::string& path, ShardBytes bytes,
                                                const ReadOptions& options);

}  // namespace millrace
