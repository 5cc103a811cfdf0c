#include "golden_rows.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/shard.h"
#include "millrace/formats/tables/arrow_readers.h"
#include "reference_data.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

bool has(element object, std::string_view key) {
  element found;
  return object.at_key(key).get(found) == simdjson::SUCCESS;
}

std::string text_at(element object, std::string_view key) {
  return std::string(object.at_key(key).get_string().value());
}

bool is_ok(element row) { return !has(row, "ok") || bool(row["ok"]); }

struct Reading {
  std::uint64_t rows = 0;
  std::uint64_t compared = 0;
  std::vector<Error> errors;
};

// Reads all rows and holds the first of them against the manifest's.
void read_and_compare(const Shard& shard, element golden, Reading& reading) {
  const auto index = shard.index();
  REQUIRE(index.has_value());
  const std::vector<element> rows = [&] {
    std::vector<element> all;
    // Of huge rows there is only a note.
    if (has(golden, "rows") && golden["rows"].is_array()) {
      for (const element row : golden["rows"].get_array()) all.push_back(row);
    }
    return all;
  }();
  Sample sample;
  for (const std::uint64_t offset : index->sample_offsets) {
    const auto read = shard.read(offset, sample);
    if (!read) {
      CHECK(read.error().shard == shard.name());
      CHECK(read.error().offset_bytes == offset);
      CHECK(read.error().unit == OffsetUnit::row);
      reading.errors.push_back(read.error());
    } else if (reading.rows < rows.size()) {
      CHECK(test::difference(rows[reading.rows], sample) == "");
      ++reading.compared;
    }
    ++reading.rows;
  }
}

Reading read_parquet(const std::string& path, element golden, const ReadOptions& options) {
  Reading reading;
  const auto groups = (*ArrowReaders::load())->row_groups(path);
  if (!groups) {
    reading.errors.push_back(groups.error());
    return reading;
  }
  for (std::uint64_t i = 0; i < *groups; ++i) {
    const auto shard = open_shard(path + '#' + std::to_string(i), options);
    if (shard) {
      read_and_compare(**shard, golden, reading);
    } else {
      reading.errors.push_back(shard.error());
    }
  }
  return reading;
}

// Where this reader sees more than pyarrow's defaults do: checksums of pages that are wrong.
const std::set<std::string> kWrongChecksums = {
    "parquet_testing__datapage_v1-corrupt-checksum.parquet",
    "parquet_testing__rle-dict-uncompressed-corrupt-checksum.parquet"};
// Where only Python's datetime fails, which ends with the year 9999.
// Rows whose image is a path out of the table's folder.
const std::map<std::string, std::size_t> kLeadOut = {{"hf_image_struct.parquet", 3}};
const std::set<std::string> kOutsideOfDatetime = {"parquet_testing__nested_structs.rust.parquet"};

ReadOptions without_images() {
  ReadOptions options;
  options.image_paths = {"none"};
  return options;
}

TEST_CASE("Parquet files give the rows that pyarrow gives") {
  const auto data = test::reference_data("golden rows of Parquet");
  if (!data) return;
  const fs::path folder = *data / "tabular" / "parquet";
  std::size_t files = 0;
  std::uint64_t compared = 0;
  test::for_each_json_line(folder / "manifest.jsonl", [&](element golden) {
    const std::string name = text_at(golden, "file");
    CAPTURE(name);
    ++files;
    const Reading reading = read_parquet((folder / name).string(), golden, without_images());
    compared += reading.compared;
    if (kWrongChecksums.contains(name) || (!is_ok(golden) && !kOutsideOfDatetime.contains(name))) {
      CHECK(!reading.errors.empty());
      for (const Error& error : reading.errors) {
        CHECK(error.shard.find(name) != std::string::npos);
        CHECK(error.reason == Reason::damaged_shard);
      }
      if (has(golden, "num_rows") && golden["num_rows"].is_uint64()) {
        CHECK(reading.errors.size() == std::uint64_t(golden["num_rows"]));
      }
      return;
    }
    if (const auto lead_out = kLeadOut.find(name); lead_out != kLeadOut.end()) {
      CHECK(reading.errors.size() == lead_out->second);
      for (const Error& error : reading.errors) CHECK(error.reason == Reason::io_error);
    } else {
      for (const Error& error : reading.errors) CHECK(error.to_string() == "");
    }
    // The sum over the row groups: one file says of itself that it has none.
    std::uint64_t rows = 0;
    for (const element group : golden["row_group_rows"].get_array()) rows += std::uint64_t(group);
    CHECK(reading.rows == rows);
  });
  CHECK(files == 75);
  CHECK(compared > 1000);
}

TEST_CASE("Arrow files and streams give the rows that pyarrow gives") {
  const auto data = test::reference_data("golden rows of Arrow");
  if (!data) return;
  const fs::path folder = *data / "tabular" / "arrow_files";
  std::size_t files = 0;
  test::for_each_json_line(folder / "manifest.jsonl", [&](element golden) {
    const std::string name = text_at(golden, "file");
    CAPTURE(name);
    ++files;
    const auto shard = open_shard((folder / name).string(), without_images());
    if (!shard) {
      CHECK(!is_ok(golden));
      CHECK(shard.error().reason == Reason::damaged_shard);
      CHECK(shard.error().shard == (folder / name).string());
      return;
    }
    Reading reading;
    read_and_compare(**shard, golden, reading);
    std::uint64_t rows = 0;
    const char* key = has(golden, "batches") ? "batches" : "batches_read";
    if (has(golden, key)) {
      for (const element batch : golden[key].get_array()) rows += std::uint64_t(batch);
    }
    if (is_ok(golden)) {
      for (const Error& error : reading.errors) CHECK(error.to_string() == "");
      CHECK(reading.rows == rows);
    } else {
      REQUIRE(reading.errors.size() == 1);
      CHECK(reading.errors[0].offset_bytes == reading.rows - 1);
      CHECK(reading.rows - 1 >= rows);
      CHECK((*shard)->index()->damaged == 1);
    }
    const bool is_packed =
        name.find("zstd") != std::string::npos || name.find("lz4") != std::string::npos;
    CHECK(((*shard)->unpacked_bytes() > 0) == is_packed);
  });
  CHECK(files == 10);
}

TEST_CASE("datasets that save_to_disk wrote give their rows, with images in lists as fields") {
  const auto data = test::reference_data("golden rows of save_to_disk");
  if (!data) return;
  const fs::path folder = *data / "tabular" / "hf_datasets";
  std::uint64_t compared = 0;
  test::for_each_json_line(folder / "manifest.jsonl", [&](element golden) {
    const std::string name = text_at(golden, "dataset");
    // Its modalities are paths that leave the dataset's folder; see the test below.
    if (name == "conversations_fs_image") return;
    CAPTURE(name);
    Reading reading;
    for (const element file : golden["data_files"].get_array()) {
      const fs::path path = folder / name / file.get_string().value();
      const auto shard = open_shard(path.string(), without_images());
      REQUIRE(shard.has_value());
      CHECK((*shard)->unpacked_bytes() == 0);
      read_and_compare(**shard, golden, reading);
    }
    for (const Error& error : reading.errors) CHECK(error.to_string() == "");
    if (has(golden, "num_rows")) CHECK(reading.rows == std::uint64_t(golden["num_rows"]));
    compared += reading.compared;
  });
  CHECK(compared > 100);
}

TEST_CASE("modalities that are paths out of the dataset's folder are refused, each by its row") {
  const auto data = test::reference_data("paths in modalities");
  if (!data) return;
  const fs::path path =
      *data / "tabular" / "hf_datasets" / "conversations_fs_image" / "data-00000-of-00001.arrow";
  const auto shard = open_shard(path.string());
  REQUIRE(shard.has_value());
  std::size_t refused = 0;
  Sample sample;
  const auto index = (*shard)->index();
  for (const std::uint64_t offset : index->sample_offsets) {
    const auto read = (*shard)->read(offset, sample);
    if (read) continue;
    ++refused;
    CHECK(read.error().reason == Reason::io_error);
    CHECK(read.error().offset_bytes == offset);
  }
  CHECK(refused > 0);
}

}  // namespace
}  // namespace millrace
