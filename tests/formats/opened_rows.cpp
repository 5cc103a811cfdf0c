#include "opened_rows.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "reference_data.h"
#include "text.h"

namespace millrace::test {

Result<std::shared_ptr<const Shard>> open_text(std::string_view format, std::string_view text,
                                               const ReadOptions& options) {
  const auto formats = shard_formats();
  const auto found = std::find_if(formats.begin(), formats.end(),
                                  [&](const ShardFormat& known) { return known.name == format; });
  REQUIRE(found != formats.end());
  auto source = memory_source("table", {text.begin(), text.end()});
  return found->open("table", {std::move(source), {}, 0}, options);
}

ReadOptions only_fields(std::vector<std::string> fields) {
  ReadOptions options;
  options.fields = std::move(fields);
  return options;
}

Error open_error(std::string_view format, std::string_view text, const ReadOptions& options) {
  const auto shard = open_text(format, text, options);
  REQUIRE_FALSE(shard.has_value());
  return shard.error();
}

TableContent read_table(const Shard& shard) {
  TableContent content;
  auto index = shard.index();
  REQUIRE(index.has_value());
  content.index = std::move(*index);
  Sample sample;
  std::uint64_t end_of_last = 0;
  for (const std::uint64_t offset : content.index.sample_offsets) {
    CHECK(offset >= end_of_last);
    if (const auto read = shard.read(offset, sample); !read) {
      CHECK(read.error().shard == shard.name());
      CHECK(read.error().offset_bytes == offset);
      CHECK_FALSE(read.error().message.empty());
      content.errors.push_back(read.error());
      continue;
    }
    CHECK(sample.begin_bytes() == offset);
    CHECK(sample.end_bytes() > offset);
    CHECK(sample.end_bytes() <= shard.source().bytes().size());
    end_of_last = sample.end_bytes();
    RowSample row{std::string(sample.key()), {}};
    for (const Field& field : sample.fields()) {
      const bool added = row.fields.emplace(field.name, text_of(field.data)).second;
      CHECK(added);
    }
    content.rows.push_back(std::move(row));
  }
  CHECK(content.errors.size() >= content.index.damaged);
  return content;
}

TableContent table_of(std::string_view format, std::string_view text, const ReadOptions& options) {
  const auto shard = open_text(format, text, options);
  REQUIRE(shard.has_value());
  return read_table(**shard);
}

std::string json_of(const RowSample& row) { return row.fields.at("json"); }

void check_reference_captions(
    const std::filesystem::path& folder, const std::string& name,
    const std::function<void(const RowSample& sample, simdjson::dom::element json,
                             simdjson::dom::element golden)>& check) {
  ReadOptions options;
  options.image_root = (folder.parent_path() / "images").string();
  const auto shard = open_shard((folder / name).string(), options);
  REQUIRE(shard.has_value());
  const TableContent content = read_table(**shard);
  CHECK(content.errors.empty());
  simdjson::dom::parser parser;
  std::size_t i = 0;
  for_each_json_line(folder / "manifest.jsonl", [&](simdjson::dom::element golden) {
    REQUIRE(i < content.rows.size());
    const RowSample& sample = content.rows[i++];
    check(sample, parser.parse(json_of(sample)), golden);
  });
  CHECK(i == content.rows.size());
}

}  // namespace millrace::test
