// Files of no known format, and texts of another encoding.

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "millrace/formats/shard.h"
#include "millrace/formats/shard_format.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

using millrace::Error;
using millrace::open_shard;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::test::contains;
using millrace::test::ScratchFolder;
using namespace std::string_view_literals;

Error error_of(const std::string& name, std::string_view content, const ReadOptions& options = {}) {
  const ScratchFolder scratch;
  const auto shard = open_shard(scratch.write(name, content), options);
  REQUIRE_FALSE(shard.has_value());
  CHECK(contains(shard.error().shard, name));
  return shard.error();
}

TEST_CASE("a file of no known format is refused as what it looks like, not as a damaged tar") {
  struct Case {
    std::string name;
    std::string_view content;
    std::string_view looks;
  };
  const Case cases[] = {
      {"list.json", R"([{"image": "a.jpg", "caption": "x"}])", "a JSON array"},
      {"list.json", "\xef\xbb\xbf\n [\n {}]", "jq -c '.[]' FILE > FILE.jsonl"},
      {"one.json", "{\n\"image\": \"a.jpg\"}", "a JSON document"},
      {"names.txt", "a.jpg\nb.jpg\n", "text"},
      {"images.zip", "PK\x03\x04rest", "a zip archive"},
      {"a.h5", "\x89HDF\r\n\x1a\n", "HDF5"},
      {"a.png", "\x89PNG\r\n\x1a\n", "a PNG image"},
      {"noise", "\x01\x02\x03", "binary data"},
      {"nothing", "", "it is empty"},
      {"table.txt",
       "\xff\xfe"
       "a\0"sv,
       "UTF-16"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const Error error = error_of(one.name, one.content);
    CHECK(error.reason == Reason::io_error);
    CHECK_MESSAGE(contains(error.message, "no format that millrace knows"), error.message);
    CHECK_MESSAGE(contains(error.message, std::string(one.looks)), error.message);
    CHECK(contains(error.message, "--format"));
  }
  ReadOptions images;
  images.format = "images";
  CHECK(contains(error_of("a.txt", "a", images).message, "not read as images"));
}

TEST_CASE("a tar is known by its name, or by its first header; a damaged one stays a damaged tar") {
  const ScratchFolder scratch;
  for (const std::string_view content : {"no tar", "[]"}) {
    for (const std::string name : {"a.tar", "a.tar.gz"}) {
      const auto shard = open_shard(scratch.write(name, content));
      if (!shard) CHECK(shard.error().reason == Reason::damaged_shard);
      if (shard) CHECK((*shard)->index()->damaged == 1);
    }
  }
  ReadOptions forced;
  forced.format = "tar";
  const auto shard = open_shard(scratch.write("a.zip", "PK\x03\x04"), forced);
  REQUIRE(shard.has_value());
  CHECK((*shard)->index()->damaged == 1);
  CHECK(millrace::format_by_name("b/a.tar.zst") == "tar");
  CHECK(millrace::format_by_name("b/a.tgz") == "tar");
  CHECK(millrace::format_by_name("b/a.tar.part") == "tar");
  CHECK(millrace::format_by_name("b/a.jsonl.gz") == "jsonl");
  CHECK(millrace::format_by_name("b/a.parquet") == "parquet");
  CHECK(millrace::format_by_name("b/a").empty());
}

TEST_CASE("a table in UTF-16 is refused by its encoding") {
  constexpr std::string_view kLittle =
      "\xff\xfe"
      "f\0,\0t\0\n\0a\0,\0b\0\n\0"sv;
  constexpr std::string_view kBig =
      "\xfe\xff"
      "\0{\0}\0\n"sv;
  for (const std::string name : {"a.csv", "a.tsv", "a.jsonl"}) {
    for (const std::string_view content : {kLittle, kBig}) {
      const Error error = error_of(name, content);
      CHECK_MESSAGE(contains(error.message, "the text is UTF-16"), error.message);
      CHECK(contains(error.message, "iconv -f UTF-16 -t UTF-8"));
    }
  }
}

}  // namespace
