#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

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

/// The error that opening such a text is; it must be one.
Error open_error(std::string_view format, std::string_view text, const ReadOptions& options);

/// Reads every entry of the index, and checks what holds for every table: offsets rise, samples do
/// not overlap, an error says where it is.
TableContent read_table(const Shard& shard);

/// What `read_table` gives of a text, which must open.
TableContent table_of(std::string_view format, std::string_view text,
                      const ReadOptions& options = only_fields({"json"}));

/// The row's field "json".
std::string json_of(const RowSample& row);

/// Reads a table of reference captions, whose images lie in the folder `images` beside its own,
/// and calls `check` with each sample, its parsed JSON and its line of the folder's manifest. No
/// row may be an error, none missing.
void check_reference_captions(
    const std::filesystem::path& folder, const std::string& name,
    const std::function<void(const RowSample& sample, simdjson::dom::element json,
                             simdjson::dom::element golden)>& check);

}  // namespace millrace::test
