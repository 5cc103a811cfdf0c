#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <arrow/extension/uuid.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <doctest/doctest.h>

#include "millrace/formats/shard.h"
#include "scratch_folder.h"
#include "table_maker.h"
#include "text.h"

namespace millrace {
namespace {

using test::ScratchFolder;
using Fields = std::map<std::string, std::string>;
using TableColumns = std::vector<std::pair<std::shared_ptr<arrow::Field>, std::string>>;

std::shared_ptr<arrow::Table> table_of(const TableColumns& columns) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const auto& [field, json] : columns) {
    fields.push_back(field);
    arrays.push_back(test::array_of(field->type(), json));
  }
  return arrow::Table::Make(arrow::schema(fields), arrays);
}

struct Rows {
  std::vector<Fields> fields;
  std::vector<std::string> keys;
  std::vector<Error> errors;
};

Rows rows_of(const Shard& shard) {
  Rows rows;
  Sample sample;
  const auto index = shard.index();
  for (const std::uint64_t offset : index->sample_offsets) {
    const auto read = shard.read(offset, sample);
    if (!read) rows.errors.push_back(read.error());
    Fields fields;
    if (read) {
      for (const Field& field : sample.fields()) {
        fields[field.name] = test::text_of(field.data);
      }
    }
    rows.fields.push_back(std::move(fields));
    rows.keys.emplace_back(sample.key());
  }
  return rows;
}

// The same rows out of an Arrow stream, an Arrow file, and, unless its types are not Parquet's,
// Parquet.
Rows rows_of(const ScratchFolder& folder, const TableColumns& columns,
             const ReadOptions& options = {}, bool has_parquet = true) {
  const auto table = table_of(columns);
  test::write_arrow(*table, folder.path("t.arrow"), {.rows_per_batch = 2});
  const auto stream = open_shard(folder.path("t.arrow"), options);
  REQUIRE_MESSAGE(stream.has_value(), (stream ? "" : stream.error().to_string()));
  Rows rows = rows_of(**stream);
  test::write_arrow(*table, folder.path("f.arrow"), {.is_file = true});
  const auto file = open_shard(folder.path("f.arrow"), options);
  REQUIRE_MESSAGE(file.has_value(), (file ? "" : file.error().to_string()));
  CHECK(rows_of(**file).fields == rows.fields);
  if (has_parquet) {
    test::write_parquet(*table, folder.path("t.parquet"));
    const auto parquet = open_shard(folder.path("t.parquet#0"), options);
    REQUIRE_MESSAGE(parquet.has_value(), (parquet ? "" : parquet.error().to_string()));
    const Rows other = rows_of(**parquet);
    CHECK(other.fields == rows.fields);
    CHECK(other.keys == rows.keys);
  }
  return rows;
}

TEST_CASE("numbers, times and text become the text that Python has for them") {
  const ScratchFolder folder;
  using arrow::field;
  const Rows rows = rows_of(
      folder, {
                  {field("i8", arrow::int8()), "[-5, null, 7]"},
                  {field("u64", arrow::uint64()), "[18446744073709551615, 0, null]"},
                  {field("f", arrow::float64()), "[0.1, 1e16, 123456789.0]"},
                  {field("g", arrow::float64()), "[-0.0, 1e-5, 1e22]"},
                  {field("b", arrow::boolean()), "[true, false, null]"},
                  {field("d", arrow::date32()), "[0, 18292, -719162]"},
                  {field("ts", arrow::timestamp(arrow::TimeUnit::MICRO)), "[0, 1, -1]"},
                  {field("tz", arrow::timestamp(arrow::TimeUnit::NANO, "Asia/Tokyo")),
                   "[1500000000, 1, null]"},
                  {field("t", arrow::time32(arrow::TimeUnit::MILLI)), "[0, 86399999, null]"},
                  {field("dec", arrow::decimal128(9, 2)), "[\"1.23\", \"-0.05\", null]"},
                  {field("fsb", arrow::fixed_size_binary(2)), "[\"ab\", null, \"cd\"]"},
                  {field("Large", arrow::large_utf8()), "[\"a\", \"\", null]"},
              });
  CHECK(rows.fields[0] == Fields{{"i8", "-5"},
                                 {"u64", "18446744073709551615"},
                                 {"f", "0.1"},
                                 {"g", "-0.0"},
                                 {"b", "true"},
                                 {"d", "1970-01-01"},
                                 {"ts", "1970-01-01 00:00:00"},
                                 {"tz", "1970-01-01 00:00:01.500000+00:00"},
                                 {"t", "00:00:00"},
                                 {"dec", "1.23"},
                                 {"fsb", "ab"},
                                 {"large", "a"}});
  CHECK(rows.fields[1] == Fields{{"u64", "0"},
                                 {"f", "1e+16"},
                                 {"g", "1e-05"},
                                 {"b", "false"},
                                 {"d", "2020-01-31"},
                                 {"ts", "1970-01-01 00:00:00.000001"},
                                 {"tz", "1970-01-01 00:00:00.000000001+00:00"},
                                 {"t", "23:59:59.999000"},
                                 {"dec", "-0.05"},
                                 {"large", ""}});
  CHECK(rows.fields[2] == Fields{{"i8", "7"},
                                 {"f", "123456789.0"},
                                 {"g", "1e+22"},
                                 {"d", "0001-01-01"},
                                 {"ts", "1969-12-31 23:59:59.999999"},
                                 {"fsb", "cd"}});
  CHECK(rows.keys == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("lists, structs and maps become JSON text, bytes in them fields by their path") {
  const ScratchFolder folder;
  using arrow::field;
  const auto structure = arrow::struct_({field("a", arrow::int32()), field("B", arrow::binary()),
                                         field("c", arrow::utf8()), field("x", arrow::float64())});
  const Rows rows = rows_of(
      folder,
      {
          {field("texts", arrow::list(arrow::utf8())), R"([["a\"b\n", null], [], null])"},
          {field("s", structure),
           R"([{"a": 1, "B": "raw", "c": null, "x": 0.5}, null,
               {"a": null, "B": null, "c": "z", "x": 2.0}])"},
          {field("m", arrow::map(arrow::utf8(), arrow::int64())),
           R"([[["k", 1], ["l", null]], [], null])"},
          {field("n", arrow::map(arrow::int32(), arrow::utf8())), R"([[[1, "x"]], [], null])"},
          {field("l", arrow::large_list(arrow::binary())), R"([["p", null, "q"], [], null])"},
          {field("e", arrow::fixed_size_list(arrow::float32(), 2)), "[[0.5, 1], null, [2, 3]]"},
      });
  CHECK(rows.fields[0] == Fields{{"texts", R"(["a\"b\u000a",null])"},
                                 {"s", R"({"a":1,"c":null,"x":0.5})"},
                                 {"s.b", "raw"},
                                 {"m", R"({"k":1,"l":null})"},
                                 {"n", R"([[1,"x"]])"},
                                 {"l", "[null,null,null]"},
                                 {"l.0", "p"},
                                 {"l.2", "q"},
                                 {"e", "[0.5,1.0]"}});
  CHECK(rows.fields[1] == Fields{{"texts", "[]"}, {"m", "{}"}, {"n", "[]"}, {"l", "[]"}});
  CHECK(rows.fields[2] == Fields{{"s", R"({"a":null,"c":"z","x":2.0})"}, {"e", "[2.0,3.0]"}});
}

TEST_CASE("dictionaries, views and extensions are read as what they stand for") {
  const ScratchFolder folder;
  using arrow::field;
  const std::string long_text(40, 'v');
  const TableColumns columns = {
      {field("cls", arrow::dictionary(arrow::int8(), arrow::utf8())), R"(["cat", null, "dog"])"},
      {field("view", arrow::utf8_view()), R"(["short", ")" + long_text + R"(", null])"},
      {field("bv", arrow::binary_view()), R"([null, ")" + long_text + R"(", ""])"},
      {field("lv", arrow::list_view(arrow::int32())), "[[1, 2], [], null]"},
      {field("du", arrow::duration(arrow::TimeUnit::MILLI)), "[1500, -1, null]"},
  };
  const Rows rows = rows_of(folder, columns, {}, false);
  CHECK(rows.fields[0] ==
        Fields{{"cls", "cat"}, {"view", "short"}, {"lv", "[1,2]"}, {"du", "1.500000"}});
  CHECK(rows.fields[1] ==
        Fields{{"view", long_text}, {"bv", long_text}, {"lv", "[]"}, {"du", "-0.001000"}});
  CHECK(rows.fields[2] == Fields{{"cls", "dog"}, {"bv", ""}});

  const auto uuids = arrow::Table::Make(
      arrow::schema({field("u", arrow::extension::uuid())}),
      {arrow::ExtensionType::WrapArray(
          arrow::extension::uuid(),
          test::array_of(arrow::fixed_size_binary(16), R"(["0123456789abcdef"])"))});
  test::write_arrow(*uuids, folder.path("u.arrow"));
  CHECK(rows_of(**open_shard(folder.path("u.arrow"))).fields[0] ==
        Fields{{"u", "0123456789abcdef"}});
}

TEST_CASE("an image is its bytes, else the file that its path names, else nothing") {
  const ScratchFolder folder;
  (void)folder.write("pictures/a.jpg", "of a file");
  const auto image =
      arrow::struct_({arrow::field("bytes", arrow::binary()), arrow::field("path", arrow::utf8())});
  const TableColumns columns = {{arrow::field("image", image),
                                 R"([{"bytes": "own", "path": null},
                                {"bytes": "own", "path": "pictures/none.jpg"},
                                {"bytes": null, "path": "pictures/a.jpg"},
                                null,
                                {"bytes": null, "path": null},
                                {"bytes": null, "path": "https://example.org/a.jpg"},
                                {"bytes": null, "path": "pictures/none.jpg"}])"}};
  const Rows rows = rows_of(folder, columns);
  CHECK(rows.fields[0] == Fields{{"image", "own"}});
  CHECK(rows.fields[1] == Fields{{"image", "own"}, {"image.path", "pictures/none.jpg"}});
  CHECK(rows.fields[2] == Fields{{"image", "of a file"}, {"image.path", "pictures/a.jpg"}});
  CHECK(rows.fields[3].empty());
  CHECK(rows.fields[4].empty());
  CHECK(rows.fields[5] == Fields{{"image.path", "https://example.org/a.jpg"}});
  REQUIRE(rows.errors.size() == 1);
  CHECK(rows.errors[0].reason == Reason::io_error);
  CHECK(rows.errors[0].offset_bytes == 6);
  CHECK(rows.errors[0].shard == folder.path("t.arrow"));
}

TEST_CASE("modalities are images by bytes, by path, or as they are") {
  const ScratchFolder folder;
  (void)folder.write("scan.jpg", "scanned");
  using arrow::field;
  const auto image =
      arrow::struct_({field("bytes", arrow::binary()), field("path", arrow::utf8())});
  const auto list_with = [&](const std::shared_ptr<arrow::DataType>& value) {
    return field(
        "modalities",
        arrow::list(arrow::struct_({field("type", arrow::utf8()), field("value", value)})));
  };
  CHECK(
      rows_of(folder, {{list_with(arrow::binary()),
                        R"([[{"type": "image", "value": "1"}, {"type": "image", "value": "2"}]])"}})
          .fields[0] == Fields{{"modalities", R"([{"type":"image"},{"type":"image"}])"},
                               {"modalities.0.value", "1"},
                               {"modalities.1.value", "2"}});
  CHECK(rows_of(folder, {{list_with(image),
                          R"([[{"type": "image", "value": {"bytes": "1", "path": "p"}},
                               {"type": "image", "value": {"bytes": null, "path": "scan.jpg"}}]])"}})
            .fields[0] == Fields{{"modalities", R"([{"type":"image"},{"type":"image"}])"},
                                 {"modalities.0.value", "1"},
                                 {"modalities.0.value.path", "p"},
                                 {"modalities.1.value", "scanned"},
                                 {"modalities.1.value.path", "scan.jpg"}});
  const TableColumns by_path = {{list_with(arrow::utf8()),
                                 R"([[{"type": "image", "value": "scan.jpg"},
                                 {"type": "audio", "value": "x.wav"}]])"}};
  CHECK(rows_of(folder, by_path).fields[0] ==
        Fields{{"modalities", R"([{"type":"image"},{"type":"audio","value":"x.wav"}])"},
               {"modalities.0.value", "scanned"},
               {"modalities.0.value.path", "scan.jpg"}});
  ReadOptions options;
  options.fields = {"modalities.1.value"};
  CHECK(rows_of(folder, by_path, options).fields[0].count("modalities.0.value") == 0);
}

TEST_CASE("a column of paths names the image and, without other keys, the sample") {
  const ScratchFolder folder;
  (void)folder.write("a.jpg", "A");
  (void)folder.write("b.jpg", "B");
  const auto path = [](const char* name) { return arrow::field(name, arrow::utf8()); };
  Rows rows = rows_of(folder, {{path("file_name"), R"(["a.jpg", "b.jpg"])"}});
  CHECK(rows.keys == std::vector<std::string>{"a.jpg", "b.jpg"});
  CHECK(rows.fields[1] == Fields{{"file_name", "b.jpg"}, {"image", "B"}});
  rows = rows_of(folder, {{path("image"), R"(["a.jpg"])"}});
  CHECK(rows.fields[0] == Fields{{"image.path", "a.jpg"}, {"image", "A"}});
  // A table that has its images in it names no others.
  rows = rows_of(folder, {{path("filename"), R"(["gone.jpg"])"},
                          {arrow::field("jpg", arrow::binary()), R"(["bytes"])"},
                          {arrow::field("id", arrow::int64()), "[17]"}});
  CHECK(rows.keys == std::vector<std::string>{"17"});
  CHECK(rows.fields[0] == Fields{{"filename", "gone.jpg"}, {"jpg", "bytes"}, {"id", "17"}});
}

}  // namespace
}  // namespace millrace
