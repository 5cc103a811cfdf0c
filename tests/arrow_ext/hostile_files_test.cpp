#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <arrow/table.h>
#include <doctest/doctest.h>

#include "millrace/formats/shard.h"
#include "millrace/formats/tables/arrow_readers.h"
#include "reference_data.h"
#include "sanitized_build.h"
#include "scratch_folder.h"
#include "table_maker.h"
#include "text.h"

namespace millrace {
namespace {

using test::ScratchFolder;
using test::text_of;

// Reads whatever there is, touching every byte. Returns the good rows; errors must say where.
std::size_t read_all(const std::string& path, const ReadOptions& options) {
  const auto shard = open_shard(path, options);
  if (!shard) {
    CHECK(shard.error().shard == path);
    CHECK(!shard.error().message.empty());
    return 0;
  }
  const auto index = (*shard)->index();
  REQUIRE(index.has_value());
  std::size_t good = 0;
  std::uint64_t touched = 0;
  Sample sample;
  for (const std::uint64_t offset : index->sample_offsets) {
    touched += (*shard)->will_need(offset, offset + 1);
    const auto read = (*shard)->read(offset, sample);
    if (!read) {
      CHECK(read.error().shard == path);
      CHECK(read.error().offset_bytes == offset);
      CHECK(!read.error().message.empty());
      continue;
    }
    ++good;
    for (const Field& field : sample.fields()) {
      for (const std::uint8_t byte : field.data) touched += byte;
    }
  }
  CHECK(touched + 1 > 0);
  return good;
}

// A table with a bit of everything whose memory is followed.
std::shared_ptr<arrow::Table> varied_table() {
  using arrow::field;
  const auto image =
      arrow::struct_({field("bytes", arrow::binary()), field("path", arrow::utf8())});
  const auto modality = arrow::struct_({field("type", arrow::utf8()), field("value", image)});
  const auto schema = arrow::schema({field("key", arrow::utf8()), field("image", image),
                                     field("modalities", arrow::list(modality)),
                                     field("cls", arrow::dictionary(arrow::int8(), arrow::utf8())),
                                     field("m", arrow::map(arrow::utf8(), arrow::int32()))});
  return arrow::Table::Make(
      schema,
      {test::array_of(schema->field(0)->type(), R"(["a", null, "c", "d"])"),
       test::array_of(schema->field(1)->type(),
                      R"([{"bytes": "123", "path": null}, null, {"bytes": null, "path": "p"},
                          {"bytes": "", "path": "q"}])"),
       test::array_of(schema->field(2)->type(),
                      R"([[], [{"type": "image", "value": {"bytes": "x", "path": null}}], null,
                          [{"type": null, "value": null}, null]])"),
       test::array_of(schema->field(3)->type(), R"(["cat", "dog", null, "cat"])"),
       test::array_of(schema->field(4)->type(), R"([[["k", 1]], [], null, [["l", null]]])")});
}

ReadOptions small_limits() {
  ReadOptions options;
  options.limits.max_unpacked_bytes = 64 << 20;
  options.limits.max_expanded_bytes = 1 << 20;
  return options;
}

TEST_CASE("a Parquet file cut anywhere is one error that names it") {
  const ScratchFolder folder;
  const std::string whole = folder.path("whole.parquet");
  test::write_parquet(*test::photo_table(6, 20), whole, {.rows_per_group = 3});
  const std::string bytes = text_of(test::read_file(whole));
  for (std::size_t length = 0; length < bytes.size(); length += test::kSanitizedStride) {
    CAPTURE(length);
    const std::string path = folder.write("cut.parquet", bytes.substr(0, length));
    const auto groups = (*ArrowReaders::load())->row_groups(path);
    REQUIRE(!groups.has_value());
    CHECK(groups.error().shard == path);
    CHECK(groups.error().reason == Reason::damaged_shard);
  }
}

TEST_CASE("no changed byte of a file makes its reader leave the file's memory") {
  const ScratchFolder folder;
  const std::vector<std::string> files = {"t.arrow", "f.arrow", "z.arrow", "t.parquet"};
  test::write_arrow(*varied_table(), folder.path(files[0]), {.rows_per_batch = 2});
  test::write_arrow(*varied_table(), folder.path(files[1]), {.is_file = true});
  test::write_arrow(*varied_table(), folder.path(files[2]),
                    {.compression = arrow::Compression::LZ4_FRAME});
  test::write_parquet(*varied_table(), folder.path(files[3]));
  for (const std::string& file : files) {
    const std::string bytes = text_of(test::read_file(folder.path(file)));
    CHECK(read_all(folder.path(file), small_limits()) >= 3);
    for (std::size_t at = 0; at < bytes.size(); at += test::kSanitizedStride) {
      CAPTURE(at);
      for (const char flip : {'\x01', '\xff'}) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        (void)read_all(folder.write("changed_" + file, changed), small_limits());
      }
    }
  }
}

}  // namespace
}  // namespace millrace
