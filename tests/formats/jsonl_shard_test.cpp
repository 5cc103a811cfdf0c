// JSON lines: every line is a sample or an error that says which line it is.

#include "millrace/formats/tables/jsonl_shard.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/field_selector.h"
#include "millrace/formats/shard.h"
#include "opened_shard.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

using millrace::Error;
using millrace::open_shard;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::Sample;
using millrace::Shard;
using millrace::test::contains;
using millrace::test::opened;
using millrace::test::ScratchFolder;
using millrace::test::text_of;

ReadOptions without_images() {
  ReadOptions options;
  options.fields = {"json"};
  return options;
}

std::shared_ptr<const Shard> opened_text(std::string_view text,
                                         const ReadOptions& options = without_images()) {
  auto source = millrace::memory_source("rows.jsonl", {text.begin(), text.end()});
  auto shard = millrace::open_jsonl("rows.jsonl", {std::move(source), std::nullopt, 0}, options);
  REQUIRE(shard.has_value());
  return *shard;
}

std::vector<std::uint64_t> offsets_of(const Shard& shard) {
  const auto index = shard.index();
  REQUIRE(index.has_value());
  CHECK(index->damaged == 0);
  return index->sample_offsets;
}

// What each entry of the index is: the line as the sample has it, or `error: MESSAGE`.
std::vector<std::string> lines_of(const Shard& shard) {
  std::vector<std::string> lines;
  Sample sample;
  for (const std::uint64_t offset : offsets_of(shard)) {
    const auto read = shard.read(offset, sample);
    if (read) {
      CHECK(sample.begin_bytes() == offset);
      lines.push_back(text_of(sample, "json"));
    } else {
      CHECK(read.error().reason == Reason::bad_json);
      CHECK(read.error().shard == shard.name());
      CHECK(read.error().offset_bytes == offset);
      lines.push_back("error: " + read.error().message);
    }
  }
  return lines;
}

using Lines = std::vector<std::string>;

std::string nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE(
    "lines end at line feeds only; a mark, CRs, blank lines and the last line's end are free") {
  const Lines two = {"{\"a\":1}", "{\"b\":2}"};
  for (const char* text :
       {"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}", "{\"a\":1}\r\n{\"b\":2}\r\n",
        "\xef\xbb\xbf{\"a\":1}\n{\"b\":2}\n", "\xef\xbb\xbf\r\n{\"a\":1}\n \t\r\n\n{\"b\":2}\n\n\n",
        "\n\n{\"a\":1}\r\n\r\n{\"b\":2}\r"}) {
    CAPTURE(text);
    CHECK(lines_of(*opened_text(text)) == two);
  }
  CHECK(lines_of(*opened_text("")).empty());
  CHECK(lines_of(*opened_text("\n\r\n \n")).empty());
  CHECK(lines_of(*opened_text("\xef\xbb\xbf")).empty());
  CHECK(lines_of(*opened_text(" {\"a\":1} \n")) == Lines{" {\"a\":1} "});
  // U+2028 ends no line.
  CHECK(lines_of(*opened_text("{\"a\":\"\xe2\x80\xa8\"}\n")).size() == 1);
}

TEST_CASE("a line that is no object is an error with its number") {
  const auto shard = opened_text("{\"a\":1}\n\n[1]\n{\"a\":}\n3\n\"x\"\nnull\n{\"b\":2}\n{\"c\"");
  const Lines lines = lines_of(*shard);
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "{\"a\":1}");
  CHECK(contains(lines[1], "line 3 is no JSON object"));
  CHECK(contains(lines[2], "line 4 is no JSON object"));
  CHECK(contains(lines[3], "line 5 is no JSON object"));
  CHECK(contains(lines[4], "line 6 is no JSON object"));
  CHECK(contains(lines[5], "line 7 is no JSON object"));
  CHECK(lines[6] == "{\"b\":2}");
  CHECK(contains(lines[7], "line 9 is no JSON object"));
}

TEST_CASE("the whole line is checked, as strictly as RFC 8259 says") {
  for (const char* line :
       {"{\"a\":1} x", "{\"a\":1}{\"b\":1}", "{\"a\":NaN}", "{\"a\":-Infinity}", "{\"a\":01}",
        "{\"a\":1,}", "{'a':1}", "{\"a\":\"\\x\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\t\"}", "{\"a\"",
        "{\"a\":[1,]}", "{\"a\":tru}", "{\"a\":1.}", "{,}", "{\"a\":\"\\u12\"}",
        "{\"z\":\"\\ud8\"}"}) {
    CAPTURE(line);
    const Lines lines = lines_of(*opened_text(line));
    REQUIRE(lines.size() == 1);
    CHECK(contains(lines[0], "error: line 1"));
  }
  for (const char* line : {"{}", "{\"a\":123456789012345678901234567890e9999}", "{\"\":\"\"}",
                           "{\"a\":\"\\ud834\\udd1e\"}", "{\"a\":{\"a\":[null,true,{}]}}"}) {
    CAPTURE(line);
    CHECK(lines_of(*opened_text(line)) == Lines{line});
  }
  CHECK(lines_of(*opened_text(nested(1024))).front().starts_with("{"));
  CHECK(lines_of(*opened_text(nested(1025))).front().starts_with("error"));
  CHECK(lines_of(*opened_text("{\"a\":" + std::string(1'000'000, '['))).front().starts_with("err"));
}

TEST_CASE("keys and images are those of the columns named, as paths of keys") {
  const ScratchFolder scratch;
  scratch.write("a.jpg", "A");
  scratch.write("sub/b.jpg", "B");
  const std::string path = scratch.write(
      "rows.jsonl",
      "{\"image_path\":\"a.jpg\",\"id\":7,\"x\":\"sub\\/b.jpg\"}\n"
      "{\"image_path\":\"sub\\u002fb.jpg\"}\n"
      "{\"image\":\"https://example.org/a.jpg\",\"caption\":\"c\"}\n"
      "{\"image\":\"a.jpg\"}\n"
      "{\"caption\":\"no image\"}\n"
      "{\"image_path\":null,\"file_name\":[\"sub/b.jpg\",\"a.jpg\"],\"id\":{\"a\":1}}\n"
      "{\"image_path\":\"a.jpg\",\"image_path\":\"sub/b.jpg\",\"id\":1,\"id\":\"two\"}\n"
      "{\"image_path\":\"missing.jpg\",\"id\":\"gone\"}\n");
  const auto shard = opened(path, {});
  const auto offsets = offsets_of(*shard);
  REQUIRE(offsets.size() == 8);
  Sample sample;
  const auto read = [&](std::size_t line) {
    REQUIRE(shard->read(offsets[line], sample).has_value());
    return std::string(sample.key()) + " " + text_of(sample, "image") + " " +
           text_of(sample, "image.path");
  };
  CHECK(read(0) == "7 A <none>");
  CHECK(read(1) == "sub/b.jpg B <none>");
  CHECK(read(2) == "https://example.org/a.jpg <none> <none>");
  CHECK(read(3) == "a.jpg A a.jpg");
  CHECK(read(4) == "4 <none> <none>");
  CHECK(read(5) == "sub/b.jpg B <none>");
  CHECK(read(6) == "two B <none>");
  const auto missing = shard->read(offsets[7], sample);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().reason == Reason::io_error);
  CHECK(missing.error().key == "gone");
  CHECK(missing.error().offset_bytes == offsets[7]);

  ReadOptions options;
  options.keys = {"meta.id", "image_path"};
  options.image_paths = {"meta.file"};
  const auto other = opened_text(
      "{\"meta\":{\"id\":\"k\"},\"image_path\":\"p\"}\n{\"image_path\":\"p\"}", options);
  REQUIRE(other->read(0, sample).has_value());
  CHECK(sample.key() == "k");
  REQUIRE(other->read(offsets_of(*other)[1], sample).has_value());
  CHECK(sample.key() == "p");
}

TEST_CASE("more columns than are looked for in one walk are all found") {
  ReadOptions options = without_images();
  options.keys.clear();
  for (int i = 0; i < 200; ++i) options.keys.push_back("k" + std::to_string(i));
  Sample sample;
  for (const int i : {0, 63, 64, 130, 199}) {
    const auto shard = opened_text("{\"k" + std::to_string(i) + "\":\"v\\u0041\"}", options);
    REQUIRE(shard->read(0, sample).has_value());
    CHECK(sample.key() == "vA");
  }
}

TEST_CASE("a line beyond the limit is an error, and the lines around it are read") {
  ReadOptions options = without_images();
  options.limits.max_line_bytes = 20;
  const Lines lines = lines_of(
      *opened_text("{\"a\":1}\n{\"a\":\"" + std::string(20, 'x') + "\"}\n{\"b\":2}", options));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "{\"a\":1}");
  CHECK(contains(lines[1], "more than max_line_bytes = 20"));
  CHECK(lines[2] == "{\"b\":2}");
}

TEST_CASE("reading a place that no line begins at is an error") {
  const auto shard = opened_text("{\"a\":1}\n\n{\"b\":2}\n");
  Sample sample;
  for (const std::uint64_t offset : {1U, 7U, 8U, 10U, 17U, 1000U}) {
    CAPTURE(offset);
    const auto read = shard->read(offset, sample);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().reason == Reason::internal);
    CHECK(read.error().offset_bytes == offset);
  }
}

TEST_CASE("the numbers of bad lines are right in a long file, from any place") {
  std::string text;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> bad;  // offset, line
  for (std::uint64_t line = 1; line <= 120'000; ++line) {
    if (line % 7919 == 0) {
      bad.emplace_back(text.size(), line);
      text += "{broken\n";
    } else {
      text += line % 3 == 0 ? "\n" : "{\"caption\":\"a caption of some length\"}\n";
    }
  }
  std::reverse(bad.begin(), bad.end());
  std::rotate(bad.begin(), bad.begin() + 5, bad.end());
  const auto shard = opened_text(text);
  Sample sample;
  for (const auto& [offset, line] : bad) {
    const auto read = shard->read(offset, sample);
    REQUIRE_FALSE(read.has_value());
    CHECK(contains(read.error().message, "line " + std::to_string(line) + " is"));
  }
  CHECK(offsets_of(*shard).size() == 80'000 + bad.size() / 3);
}

TEST_CASE("lines are read without allocating, once the buffers have grown") {
  const ScratchFolder scratch;
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "{\"image\":\"a.jpg\",\"caption\":\"caption " + std::to_string(i) + "\"}\n";
  }
  scratch.write("a.jpg", std::string(3000, 'a'));
  const auto shard = opened(scratch.write("rows.jsonl", text), {});
  millrace::test::check_reading_allocates_nothing(*shard, 100);
}

TEST_CASE("JSON lines are known by their name, or by a first line that is an object") {
  const auto is_jsonl = [](std::string_view name, std::string_view text) {
    return millrace::is_jsonl(name, millrace::test::bytes_of(text));
  };
  CHECK(is_jsonl("a.jsonl", ""));
  CHECK(is_jsonl("a.ndjson", "x"));
  CHECK(is_jsonl("a.jsonlines", "x"));
  CHECK(is_jsonl("a.json", "{\"a\":1}"));
  CHECK(is_jsonl("a", "\xef\xbb\xbf\n {\"a\":1}\r\n{"));
  CHECK_FALSE(is_jsonl("a.json", "{\n\"a\":1\n}"));
  CHECK_FALSE(is_jsonl("a", "[1]\n"));
  CHECK_FALSE(is_jsonl("a", "{\"a\"}\n"));
  CHECK_FALSE(is_jsonl("a", ""));
  CHECK_FALSE(is_jsonl("a.txt", "caption\n{\"a\":1}\n"));
}

TEST_CASE("a file that shrinks is an error, not a crash") {
  const ScratchFolder scratch;
  const std::string path = scratch.write("rows.jsonl", "{\"a\":1}\n{\"b\":2}\n");
  const auto shard = opened(path, without_images());
  std::filesystem::resize_file(path, 3);
  CHECK_FALSE(shard->index().has_value());
  Sample sample;
  const auto read = shard->read(8, sample);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().reason == Reason::io_error);
}

TEST_CASE("every line of the reference files is what Python makes of it") {
  const auto data = millrace::test::reference_data("JSON lines against Python's json");
  if (!data) return;
  const auto folder = *data / "tabular" / "jsonl";
  struct Line {
    std::uint64_t number = 0;
    std::uint64_t length = 0;
    bool ok = false;
    bool is_object = false;
    std::string canonical;
  };
  std::map<std::string, std::map<std::uint64_t, Line>> files;  // by offset
  std::size_t rows = 0;
  std::size_t blank = 0;
  millrace::test::for_each_json_line(folder / "manifest.jsonl", [&](simdjson::dom::element row) {
    ++rows;
    const std::string_view name = row["file"];
    const std::string file(name);
    files[file];
    bool is_blank = false;
    if (!row["blank"].get(is_blank) && is_blank) {
      ++blank;
      return;
    }
    Line line;
    line.number = std::uint64_t(row["line"]);
    line.length = std::uint64_t(row["length"]);
    line.ok = bool(row["ok"]);
    std::string_view canonical;
    if (!row["canonical"].get(canonical)) line.canonical = canonical;
    line.is_object = line.ok && (line.canonical.empty() || line.canonical.front() == '{');
    files[file].emplace(std::uint64_t(row["offset"]), line);
  });
  CHECK(rows == 512);
  CHECK(blank > 0);

  std::set<std::string> exceptions;
  for (const auto& file_and_lines : files) {
    const std::string& file = file_and_lines.first;
    const auto& lines = file_and_lines.second;
    CAPTURE(file);
    if (file == "utf16le.jsonl") continue;  // refused as a whole
    const auto shard = opened((folder / file).string(), without_images());
    const auto offsets = offsets_of(*shard);
    CHECK(offsets.size() == lines.size());
    Sample sample;
    for (const std::uint64_t offset : offsets) {
      CAPTURE(offset);
      const auto found = lines.find(offset);
      REQUIRE(found != lines.end());
      const Line& line = found->second;
      const auto read = shard->read(offset, sample);
      if (read) {
        CHECK(line.is_object);
        const std::string text = text_of(sample, "json");
        // Of CRLF lines the reference counts the CR; of the first line its mark.
        CHECK(text.size() <= line.length);
        CHECK(text.size() + 4 >= line.length);
        simdjson::dom::parser parser;
        CHECK(parser.parse(text).error() != simdjson::TAPE_ERROR);
      } else {
        CHECK(read.error().reason == Reason::bad_json);
        CHECK(contains(read.error().message, "line " + std::to_string(line.number) + " is no"));
        if (line.is_object) exceptions.insert(line.canonical);
      }
    }
  }
  // What Python's json takes and RFC 8259 does not: numbers that are none. And lone surrogates in
  // keys, which have no UTF-8.
  for (const std::string& canonical : exceptions) {
    CAPTURE(canonical);
    const bool is_known = contains(canonical, "NaN") || contains(canonical, "Infinity") ||
                          contains(canonical, "\\ud8") || contains(canonical, "\\udc");
    CHECK(is_known);
  }
  MESSAGE("lines that Python takes and RFC 8259 does not: ", exceptions.size());
}

TEST_CASE(
    "no line of pretty-printed JSON or of CR-ended lines passes for a sample, and no UTF-16 file") {
  const auto data = millrace::test::reference_data("files that are no JSON lines");
  if (!data) return;
  for (const char* file : {"cr_only.jsonl", "pretty_printed.jsonl"}) {
    CAPTURE(file);
    const auto shard = opened((*data / "tabular" / "jsonl" / file).string(), without_images());
    const Lines lines = lines_of(*shard);
    CHECK_FALSE(lines.empty());
    for (const std::string& line : lines) {
      CAPTURE(line);
      CHECK(line.starts_with("error"));
    }
  }
  const auto shard = millrace::open_shard((*data / "tabular" / "jsonl" / "utf16le.jsonl").string());
  REQUIRE_FALSE(shard.has_value());
  CHECK(contains(shard.error().message, "UTF-16"));
}

TEST_CASE("the JSON test suite: what must be refused is, and objects that must be accepted are") {
  const auto data = millrace::test::reference_data("nst/JSONTestSuite as lines");
  if (!data) return;
  const auto file = *data / "tabular" / "jsonl" / "json_test_suite.jsonl";
  std::size_t accepted = 0;
  millrace::test::for_each_json_line(file, [&](simdjson::dom::element row) {
    const std::string_view hex = row["hex"];
    const std::string_view expected = row["expected"];
    const std::string_view name = row["name"];
    CAPTURE(name);
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    }
    // A line cannot hold a line feed; within JSON one is white space or an error anywhere.
    if (bytes.find('\n') != std::string::npos) return;
    const Lines bare = lines_of(*opened_text(bytes));
    for (const std::string& line : bare) {
      if (expected == "reject") CHECK(line.starts_with("error"));
    }
    const Lines within = lines_of(*opened_text("{\"value\":" + bytes + "}"));
    REQUIRE(within.size() == 1);
    if (expected == "accept") CHECK_FALSE(within[0].starts_with("error"));
    if (expected == "reject" && !bytes.empty()) CHECK(within[0].starts_with("error"));
    accepted += within[0].starts_with("error") ? 0 : 1;
  });
  CHECK(accepted > 70);
}

TEST_CASE("compressed JSON lines are those of the plain file") {
  const auto data = millrace::test::reference_data("captions.jsonl, .gz and .zst");
  if (!data) return;
  const auto folder = *data / "tabular" / "jsonl";
  const Lines plain = lines_of(*opened((folder / "captions.jsonl").string(), without_images()));
  for (const char* file : {"captions.jsonl.gz", "captions.jsonl.zst"}) {
    CAPTURE(file);
    const Lines packed = lines_of(*opened((folder / file).string(), without_images()));
    REQUIRE(packed.size() == 40);
    CHECK(std::equal(packed.begin(), packed.end(), plain.begin()));
  }
}

TEST_CASE("the captions' images are found from a root above both") {
  const auto data = millrace::test::reference_data("captions.jsonl with its images");
  if (!data) return;
  ReadOptions options;
  options.image_root = (*data / "tabular").string();
  const auto shard = opened((*data / "tabular" / "jsonl" / "captions.jsonl").string(), options);
  Sample sample;
  for (const std::uint64_t offset : offsets_of(*shard)) {
    const auto read = shard->read(offset, sample);
    REQUIRE_MESSAGE(read.has_value(), read.error().to_string());
    const std::string path = text_of(sample, "image.path");
    CHECK(sample.key() == path);
    const auto file = millrace::test::read_file(*data / "tabular" / path.substr(3));
    CHECK(text_of(sample, "image") == std::string(file.begin(), file.end()));
  }
}
