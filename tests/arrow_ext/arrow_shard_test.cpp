#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/shard.h"
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

// Reads what the index has; returns the good rows, which must be those of a photo_table from its
// beginning on.
std::size_t good_photos(const Shard& shard, std::int64_t image_bytes = 200) {
  const auto index = shard.index();
  REQUIRE(index.has_value());
  std::size_t good = 0;
  std::size_t bad = 0;
  Sample sample;
  for (const std::uint64_t offset : index->sample_offsets) {
    const auto read = shard.read(offset, sample);
    if (!read) {
      ++bad;
      CHECK(read.error().shard == shard.name());
      CHECK(read.error().offset_bytes == offset);
      continue;
    }
    const auto row = static_cast<std::int64_t>(offset);
    CHECK(sample.key() == "k" + std::to_string(row));
    CHECK(text_of(sample, "width") == std::to_string(100 + row));
    CHECK(text_of(sample, "jpg") ==
          (row % 7 == 6 ? "<none>" : test::photo_bytes(row, image_bytes)));
    ++good;
  }
  CHECK(bad == index->damaged);
  return good;
}

TEST_CASE("streams and files of several batches give their rows, compressed or not") {
  const ScratchFolder folder;
  using Codec = arrow::Compression;
  for (const bool is_file : {false, true}) {
    for (const auto codec : {Codec::UNCOMPRESSED, Codec::ZSTD, Codec::LZ4_FRAME}) {
      const std::string path = folder.path("photos.arrow");
      test::write_arrow(*test::photo_table(50), path,
                        {.compression = codec, .rows_per_batch = 8, .is_file = is_file});
      const auto shard = opened(path);
      CHECK(good_photos(*shard) == 50);
      CHECK((shard->unpacked_bytes() > 0) == (codec != Codec::UNCOMPRESSED));
    }
  }
}

TEST_CASE("images of uncompressed files are views of the mapped file") {
  const ScratchFolder folder;
  for (const bool is_file : {false, true}) {
    const std::string path = folder.path("photos.arrow");
    test::write_arrow(*test::photo_table(20, 10'000), path,
                      {.rows_per_batch = 8, .is_file = is_file});
    const auto shard = opened(path);
    const auto bytes = shard->source().bytes();
    Sample sample;
    REQUIRE(shard->read(9, sample).has_value());
    const Field* image = sample.find("jpg");
    REQUIRE(image != nullptr);
    CHECK(image->data.data() >= bytes.data());
    CHECK(image->data.data() + image->data.size() <= bytes.data() + bytes.size());
    CHECK(shard->will_need(0, 3) >= 30'000);
    CHECK(shard->will_need(6, 7) < 1'000);
    shard->done_with(sample);
    CHECK(text_of(image) == test::photo_bytes(9, 10'000));
  }
}

TEST_CASE("compressed columns that no field needs stay packed") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.arrow");
  test::write_arrow(*test::photo_table(50, 5'000), path,
                    {.compression = arrow::Compression::ZSTD, .rows_per_batch = 10});
  CHECK(opened(path)->unpacked_bytes() > 150'000);
  ReadOptions options;
  options.fields = {"caption"};
  const auto captions = opened(path, options);
  CHECK(captions->unpacked_bytes() < 20'000);
  Sample sample;
  REQUIRE(captions->read(23, sample).has_value());
  CHECK(text_of(sample, "caption") == "photo 23");
  CHECK(sample.fields().size() == 1);
  options.fields.emplace();
  options.keys = {"none"};
  const auto nothing = opened(path, options);
  REQUIRE(nothing->read(23, sample).has_value());
  CHECK(sample.key() == "23");
  CHECK(sample.fields().empty());
}

TEST_CASE("what a file unpacks to as a whole does not depend on which columns are read") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.arrow");
  using Codec = arrow::Compression;
  const auto table = test::photo_table(500, 20);
  for (const bool is_file : {false, true}) {
    for (const auto codec : {Codec::UNCOMPRESSED, Codec::ZSTD, Codec::LZ4_FRAME}) {
      test::write_arrow(*table, path,
                        {.compression = codec, .rows_per_batch = 100, .is_file = is_file});
      const std::uint64_t whole = opened(path)->whole_unpacked_bytes();
      // Memory is taken in multiples of 64 bytes.
      CHECK(whole <= opened(path)->unpacked_bytes());
      CHECK(whole + 64 * 60 > opened(path)->unpacked_bytes());
      CHECK((whole > 0) == (codec != Codec::UNCOMPRESSED));
      for (const std::vector<std::string>& fields :
           std::vector<std::vector<std::string>>{{}, {"caption"}, {"width"}, {"jpg", "key"}}) {
        ReadOptions options;
        options.fields = fields;
        CHECK(opened(path, options)->whole_unpacked_bytes() == whole);
        options.keys = {"none"};
        const auto walked = walk_shard(path, {}, options);
        REQUIRE(walked.has_value());
        CHECK(walked->unpacked_bytes == whole);
      }
    }
  }
}

TEST_CASE("compressed batches beyond the limit are damage") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.arrow");
  test::write_arrow(*test::photo_table(50, 5'000), path,
                    {.compression = arrow::Compression::ZSTD, .rows_per_batch = 10});
  ReadOptions options;
  options.limits.max_unpacked_bytes = 120'000;
  const auto shard = opened(path, options);
  CHECK(shard->unpacked_bytes() <= 120'000);
  CHECK(shard->index()->damaged > 0);
  const std::size_t good = good_photos(*shard, 5'000);
  CHECK(good >= 10);
  CHECK(good < 50);
}

using OpenShard = Result<std::shared_ptr<const Shard>>;

// Cuts a file of photos at each of its bytes and calls `check` with what each piece is. A longer
// piece never gives less, and none that does not open is longer than one that has photos. Returns
// the photos of the longest.
std::size_t photos_of_cuts(const std::string& whole,
                           const std::function<void(const std::string&, const OpenShard&)>& check) {
  const ScratchFolder folder;
  const std::string bytes = text_of(test::read_file(whole));
  std::size_t last = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    const std::string path = folder.write("cut.arrow", bytes.substr(0, length));
    const auto shard = open_shard(path);
    check(path, shard);
    const std::size_t good = shard ? good_photos(**shard, 30) : 0;
    CHECK(good >= last);
    last = good;
  }
  return last;
}

TEST_CASE("a stream cut anywhere keeps what lies before the cut and says that something is lost") {
  const ScratchFolder folder;
  const std::string whole = folder.path("whole.arrow");
  test::write_arrow(*test::photo_table(12, 30), whole, {.rows_per_batch = 4});
  std::size_t silent = 0;
  const auto check = [&](const std::string& path, const OpenShard& shard) {
    if (!shard) {
      CHECK(shard.error().shard == path);
    } else if ((*shard)->index()->damaged == 0) {
      ++silent;
    }
  };
  CHECK(photos_of_cuts(whole, check) == 12);
  // A stream may end between two messages: behind the schema and behind each batch.
  CHECK(silent == 4);
}

TEST_CASE("a file without its footer is read as the stream that it holds, and says what is wrong") {
  const ScratchFolder folder;
  const std::string whole = folder.path("whole.arrow");
  test::write_arrow(*test::photo_table(12, 30), whole, {.rows_per_batch = 4, .is_file = true});
  const auto check = [](const std::string& /*path*/, const OpenShard& shard) {
    if (!shard) {
      CHECK(shard.error().reason == Reason::damaged_shard);
    } else {
      CHECK((*shard)->index()->damaged == 1);
    }
  };
  CHECK(photos_of_cuts(whole, check) == 12);
}

TEST_CASE("reading flat rows of a mapped file allocates nothing in the long run") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.arrow");
  test::write_arrow(*test::photo_table(64), path, {.rows_per_batch = 10});
  const auto shard = opened(path);
  test::check_reading_allocates_nothing(*shard, 64);
}

}  // namespace
}  // namespace millrace
