#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/formats/shard_format.h"

namespace millrace::test {

/// A sample of a table, its fields as text.
struct RowSample {
  std::string key;
  std::map<std::string, std::string> fields;
  bool operator==(const RowSample&) const = default;
};

/// All that reading a table through its index gives.
struct TableContent {
  ShardIndex index;
  std::vector<RowSample> rows;
  std::vector<Error> errors;
};

/// Opens a text in memory as the format of that name.
Result<std::shared_ptr<const Shard>> open_text(std::string_view format, std::string_view text,
                                               const ReadOptions& options);

/// Options that ask for these fields alone.
ReadOptions only_fields(std::vector<std::string> fields);

/// Reads every entry of the index, and checks what holds for every table: offsets rise, samples do
/// not overlap, an error says where it is.
TableContent read_table(const Shard& shard);

}  // namespace millrace::test
