#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "millrace/formats/shard.h"

namespace millrace::test {

/// A sample as the manifests describe it: the SHA-256 of each field.
struct PlainSample {
  std::string key;
  std::map<std::string, std::string> fields;
  bool operator==(const PlainSample&) const = default;
};

/// All that reading a whole shard through its index gives.
struct ShardContent {
  ShardIndex index;
  std::vector<PlainSample> samples;
  std::vector<Error> errors;
};

/// Reads every entry of the index, and checks what holds for every shard: offsets rise, a sample
/// spans its fields, an error says where it is.
ShardContent read_all(const Shard& shard);

/// The `samples` of a manifest's row about webdataset.
std::vector<PlainSample> golden_samples(simdjson::dom::element webdataset);

/// Calls `row` for each line of the tar zoo's manifest. The sizes above 64 bits that damaged
/// headers hold are taken as 0: the JSON parser has no numbers for them.
void for_each_zoo_row(const std::filesystem::path& manifest,
                      const std::function<void(simdjson::dom::element)>& row);

/// Bytes that are not UTF-8 as Python's surrogateescape and backslashreplace print them, which is
/// how the manifests give names: `\udce9` for byte E9.
std::string python_text(std::string_view bytes);

}  // namespace millrace::test
