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

/// A format that is read from the bytes of one file.
struct ShardFormat {
  std::string_view name;  ///< as ReadOptions::format has it
  /// Whether a file of this name (without `.gz` and its like) that begins like this is one.
  bool (*recognizes)(std::string_view file_name, std::span<const std::uint8_t> bytes);
  /// `path` is that of the file, for what lies beside it and for messages.
  Result<std::shared_ptr<const Shard>> (*open)(const std::string& path, ShardBytes bytes,
                                               const ReadOptions& options);
  bool is_text = false;  ///< UTF-8
};

/// All of them, in the order in which they are asked. The last one is tar.
std::span<const ShardFormat> shard_formats();

/// The format that a file's name alone tells; empty: none.
std::string_view format_by_name(std::string_view path);

}  // namespace millrace
