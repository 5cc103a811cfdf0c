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
bool is_csv(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// CSV and TSV as RFC 4180 and pandas read them: quotes, doubled quotes, separators and line ends
/// within quotes, CRLF, a byte order mark. A record with too many or too few cells is read as
/// pandas does, or is a bad sample.
Result<std::shared_ptr<const Shard>> open_csv(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options);

}  // namespace millrace
