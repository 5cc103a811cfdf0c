// A file of JSON lines: the index names every line that is not blank, and reading gives each or an
// error, the same each time.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/tables/jsonl_shard.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

// Lines that hold more than white space, counted without looking at how the reader does it.
std::size_t lines_in(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::size_t lines = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const bool blank = text.substr(0, end).find_first_not_of(" \t\r") == std::string_view::npos;
    lines += blank ? 0 : 1;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  (void)millrace::is_jsonl("x", bytes);
  millrace::ReadOptions options;
  options.fields = {"json"};
  options.limits.max_line_bytes = 4096;
  options.keys = {"id", "meta.id", ""};
  options.image_paths = {"image", "meta.file"};
  const auto shard = millrace::open_jsonl(
      "fuzz.jsonl", {millrace::memory_source("fuzz.jsonl", {data, data + size}), std::nullopt, 0},
      options);
  require(shard.has_value());
  const auto index = (*shard)->index();
  require(index.has_value());
  require(index->sample_offsets.size() == lines_in({reinterpret_cast<const char*>(data), size}));
  millrace::Sample used;
  std::uint64_t end_of_last = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    require(offset >= end_of_last);
    millrace::Sample fresh;
    const auto first = (*shard)->read(offset, used);
    const auto second = (*shard)->read(offset, fresh);
    require(first.has_value() == second.has_value());
    if (!first) {
      require(first.error().message == second.error().message);
      require(first.error().offset_bytes == offset);
      continue;
    }
    end_of_last = used.end_bytes();
    require(used.key() == fresh.key());
    const millrace::Field* json = used.find("json");
    require(json != nullptr && json->data.size() <= options.limits.max_line_bytes);
    require(used.end_bytes() <= size);
  }
  return 0;
}
