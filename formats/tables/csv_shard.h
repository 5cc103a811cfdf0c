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
bool is_csv(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// CSV and TSV as RFC 4180 and pandas read them: quotes, doubled quotes, separators and line ends
/// within quotes, CRLF, a byte order mark; blank lines are passed over. Cells stay text: an empty
/// one is an empty field (of a key or image path: none), where pandas makes it "nan", and numbers
/// are as they are written. A record with too few cells has no fields for the others; one with too
/// many is a bad sample; a quote that never closes is damage up to the end. Columns are called as
/// pandas calls them: `Unnamed: 0`, `title.1`. Errors: damaged_shard for a table without a first
/// line, or with one above 4 MiB or 65,536 columns; io_error of ImageStore::open.
Result<std::shared_ptr<const Shard>> open_csv(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options);

}  // namespace millrace
