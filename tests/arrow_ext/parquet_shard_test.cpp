#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tables/arrow_readers.h"
#include "opened_shard.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "table_maker.h"
#include "text.h"

namespace millrace {
namespace {

using test::opened;
using test::ScratchFolder;
using test::text_of;

// Of a photo_table, from its row `first` on.
void check_photos(const Shard& shard, std::int64_t first, std::int64_t rows,
                  std::int64_t image_bytes = 200) {
  const auto index = shard.index();
  REQUIRE(index.has_value());
  REQUIRE(index->sample_offsets.size() == static_cast<std::size_t>(rows));
  CHECK(index->damaged == 0);
  Sample sample;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t row = first + i;
    CHECK(index->sample_offsets[static_cast<std::size_t>(i)] == static_cast<std::uint64_t>(i));
    const auto read = shard.read(static_cast<std::uint64_t>(i), sample);
    REQUIRE(read.has_value());
    CHECK(sample.offset_unit() == OffsetUnit::row);
    CHECK(sample.begin_bytes() == static_cast<std::uint64_t>(i));
    CHECK(sample.end_bytes() == static_cast<std::uint64_t>(i) + 1);
    CHECK(sample.key() == "k" + std::to_string(row));
    CHECK(text_of(sample, "key") == "k" + std::to_string(row));
    CHECK(text_of(sample, "width") == std::to_string(100 + row));
    CHECK(text_of(sample, "caption") == (row % 5 == 4 ? "<none>" : "photo " + std::to_string(row)));
    CHECK(text_of(sample, "jpg") ==
          (row % 7 == 6 ? "<none>" : test::photo_bytes(row, image_bytes)));
  }
}

TEST_CASE("each row group is a shard of its own rows") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(50), path, {.rows_per_group = 20});
  REQUIRE((*ArrowReaders::load())->row_groups(path).value() == 3);
  check_photos(*opened(path + "#0"), 0, 20);
  check_photos(*opened(path + "#1"), 20, 20);
  check_photos(*opened(path + "#2"), 40, 10);
  CHECK(opened(path + "#1")->name() == path + "#1");
}

TEST_CASE("a file of one row group needs no number, others do, and numbers must exist") {
  const ScratchFolder folder;
  const std::string one = folder.path("one.parquet");
  const std::string two = folder.path("two.parquet");
  test::write_parquet(*test::photo_table(10), one);
  test::write_parquet(*test::photo_table(10), two, {.rows_per_group = 5});
  check_photos(*opened(one), 0, 10);
  for (const std::string& path : {two, two + "#2", one + "#99999999999999"}) {
    const auto shard = open_shard(path);
    REQUIRE(!shard.has_value());
    CHECK(shard.error().reason == Reason::io_error);
    CHECK(shard.error().shard == path);
    CHECK(shard.error().message.find("row group") != std::string::npos);
  }
}

TEST_CASE("every codec of the wheel gives the same rows") {
  const ScratchFolder folder;
  using Codec = arrow::Compression;
  for (const auto codec : {Codec::UNCOMPRESSED, Codec::SNAPPY, Codec::GZIP, Codec::ZSTD, Codec::LZ4,
                           Codec::LZ4_HADOOP, Codec::BROTLI}) {
    const std::string path = folder.path("codec" + std::to_string(codec) + ".parquet");
    test::write_parquet(*test::photo_table(30), path, {.compression = codec, .checksums = true});
    check_photos(*opened(path + "#0"), 0, 30);
  }
}

TEST_CASE("columns that no field needs are not unpacked") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(100, 5000), path);
  const auto all = opened(path + "#0");
  CHECK(all->unpacked_bytes() > 300'000);
  ReadOptions options;
  options.fields = {"caption"};
  const auto captions = opened(path + "#0", options);
  CHECK(captions->unpacked_bytes() < 30'000);
  Sample sample;
  REQUIRE(captions->read(3, sample).has_value());
  CHECK(sample.key() == "k3");
  CHECK(sample.fields().size() == 1);
  CHECK(text_of(sample, "caption") == "photo 3");
}

TEST_CASE("what a row group unpacks to is planned with, whatever an index was made for") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(100, 50'000), path);
  for (const std::vector<std::string>& metadata : {std::vector<std::string>{}, {"width"}}) {
    const auto walked = walk_shard(path + "#0", metadata, ReadOptions{}, {});
    REQUIRE(walked.has_value());
    CHECK(walked->unpacked_bytes > 4'000'000);
    CHECK(walked->unpacked_bytes < 6'000'000);
  }
}

TEST_CASE("opened for no field at all, a row group is counted without being unpacked") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(100, 5000), path);
  ReadOptions options;
  options.fields.emplace();
  const auto shard = opened(path + "#0", options);
  CHECK(shard->index()->sample_offsets.size() == 100);
  CHECK(shard->unpacked_bytes() < 1000);
  Sample sample;
  REQUIRE(shard->read(42, sample).has_value());
  CHECK(sample.key() == "k42");
  CHECK(sample.fields().empty());
}

TEST_CASE("a damaged page costs the rows of its row group, each counted, and no others") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(60, 500), path, {.rows_per_group = 20, .checksums = true});
  // In the images of the second row group.
  const std::string needle = test::photo_bytes(25, 500);
  std::string bytes = text_of(test::read_file(path));
  const std::size_t found = bytes.find(needle);
  REQUIRE(found != std::string::npos);
  bytes[found] = static_cast<char>(bytes[found] ^ 1);
  test::write_file(path, bytes);

  check_photos(*opened(path + "#0"), 0, 20, 500);
  check_photos(*opened(path + "#2"), 40, 20, 500);
  const auto shard = opened(path + "#1");
  const auto index = shard->index();
  CHECK(index->sample_offsets.size() == 20);
  CHECK(index->damaged == 20);
  Sample sample;
  for (const std::uint64_t offset : index->sample_offsets) {
    const auto read = shard->read(offset, sample);
    REQUIRE(!read.has_value());
    CHECK(read.error().reason == Reason::damaged_shard);
    CHECK(read.error().shard == path + "#1");
    CHECK(read.error().offset_bytes == offset);
    CHECK(read.error().message.find("checksum") != std::string::npos);
  }
  // Who needs none of the damaged column has all rows.
  ReadOptions options;
  options.fields = {"caption", "width"};
  CHECK(opened(path + "#1", options)->read(5, sample).has_value());
}

TEST_CASE("a row group beyond the limit is not unpacked") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(50, 5000), path,
                      {.compression = arrow::Compression::ZSTD});
  ReadOptions options;
  options.limits.max_unpacked_bytes = 100'000;
  const auto shard = opened(path + "#0", options);
  CHECK(shard->index()->damaged == 50);
  CHECK(shard->unpacked_bytes() < 100'000);
  Sample sample;
  const auto read = shard->read(7, sample);
  REQUIRE(!read.has_value());
  CHECK(read.error().message.find("max_unpacked_bytes = 100000") != std::string::npos);
}

TEST_CASE("offsets behind the last row are errors") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(5), path);
  const auto shard = opened(path + "#0");
  Sample sample;
  for (const std::uint64_t offset : {std::uint64_t{5}, ~std::uint64_t{0}}) {
    const auto read = shard->read(offset, sample);
    REQUIRE(!read.has_value());
    CHECK(read.error().shard == path + "#0");
  }
}

TEST_CASE("many threads read a row group at once") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(300), path);
  ReadOptions options;
  const auto shard = opened(path + "#0", options);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      Sample sample;
      for (std::uint64_t row = 0; row < 300; ++row) {
        const std::uint64_t at = (row * 7 + t * 75) % 300;
        if (!shard->read(at, sample) || sample.key() != "k" + std::to_string(at)) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("reading flat rows allocates nothing in the long run") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  test::write_parquet(*test::photo_table(64), path);
  const auto shard = opened(path + "#0");
  test::check_reading_allocates_nothing(*shard, 64);
}

}  // namespace
}  // namespace millrace
