#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "in_turn.h"
#include "indexed_shards.h"
#include "millrace/formats/index/index_making.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/formats/index/shard_catalog.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "tar_maker.h"

namespace {

namespace fs = std::filesystem;

using millrace::CatalogOptions;
using millrace::Error;
using millrace::IndexMaking;
using millrace::IndexSummary;
using millrace::key_hash;
using millrace::make_indexes;
using millrace::open_shard;
using millrace::Reason;
using millrace::Result;
using millrace::SampleIndex;
using millrace::ShardCatalog;
using millrace::test::in_turn;
using millrace::test::indexed;
using millrace::test::made_tar;
using millrace::test::making_of;
using millrace::test::offsets_error;
using millrace::test::offsets_of;
using millrace::test::ScratchFolder;
using millrace::test::set_age;
using millrace::test::TarMaker;
using millrace::test::walked_offsets;
using millrace::test::without_cache;
using millrace::test::write_shard;

using Catalog = Result<std::shared_ptr<const ShardCatalog>>;
using Specs = std::vector<std::string>;

CatalogOptions with_cache(const ScratchFolder& folder) {
  CatalogOptions options;
  options.cache_folder = folder.path("cache");
  return options;
}

Catalog open_catalog(const Specs& specs, const CatalogOptions& options) {
  return ShardCatalog::open(specs, options, in_turn);
}

// Destroys all content but keeps what an index checks first: length and modification time.
void blank(const std::string& path) {
  const fs::file_time_type modified = fs::last_write_time(path);
  millrace::test::write_bytes(path, std::vector<std::uint8_t>(fs::file_size(path)));
  fs::last_write_time(path, modified);
}

TEST_CASE("a catalog counts samples and places them as a walk over the shards does") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  const std::string b = write_shard(folder, "b.tar", made_tar("b", 3));
  for (const bool use_index : {false, true}) {
    CatalogOptions options = without_cache();
    options.use_index = use_index;
    const auto catalog = open_catalog({b, a, b}, options);
    REQUIRE(catalog);
    REQUIRE((*catalog)->shards() == 3);
    CHECK((*catalog)->path(1) == a);
    CHECK((*catalog)->samples(0) == 3);
    CHECK((*catalog)->samples(1) == 7);
    CHECK((*catalog)->bytes(2) == fs::file_size(b));
    CHECK((*catalog)->damaged_shards() == 0);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(offsets_of(**catalog, i) == walked_offsets((*catalog)->path(i)));
    }
  }
}

TEST_CASE("a shard that is not there or cannot be opened is an error that names it") {
  const ScratchFolder folder;
  CHECK_FALSE(open_catalog({folder.path("none.tar")}, without_cache()));
  const std::string lzop =
      folder.write("a.tar", std::string("\x89LZO\0", 5) + std::string(600, 'x'));
  const auto catalog = open_catalog({lzop}, without_cache());
  REQUIRE_FALSE(catalog);
  CHECK(catalog.error().shard == lzop);
}

TEST_CASE("what was walked once is taken from the cache folder the next time") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "data/a.tar", made_tar("a", 7));
  const std::string b = write_shard(folder, "data/b.tar", made_tar("b", 4));
  REQUIRE(open_catalog({a}, with_cache(folder)));
  REQUIRE(open_catalog({b}, with_cache(folder)));
  // Nothing could be counted in these any more.
  blank(a);
  blank(b);
  const auto catalog = open_catalog({a, b}, with_cache(folder));
  REQUIRE(catalog);
  CHECK((*catalog)->samples(0) == 7);
  CHECK((*catalog)->samples(1) == 4);
  // No other file is ever served: the content is looked at before offsets are given out.
  const Error error = offsets_error(**catalog, 0);
  CHECK(error.reason == Reason::stale_index);
  CHECK(error.shard == a);
  CHECK(error.message.find("millrace index --force") != std::string::npos);
  CHECK_FALSE(fs::exists(folder.path("data/millrace.index")));
}

TEST_CASE("a cache folder that cannot be written or holds noise changes nothing") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  CatalogOptions options;
  options.cache_folder = folder.write("file", "not a folder") + "/cache";
  auto catalog = open_catalog({a}, options);
  REQUIRE(catalog);
  CHECK((*catalog)->samples(0) == 7);

  options = with_cache(folder);
  REQUIRE(open_catalog({a}, options));
  std::size_t caches = 0;
  for (const auto& entry : fs::recursive_directory_iterator(options.cache_folder)) {
    if (!entry.is_regular_file()) continue;
    ++caches;
    millrace::test::write_bytes(entry.path().string(), {1, 2, 3});
  }
  CHECK(caches == 1);
  catalog = open_catalog({a}, options);
  REQUIRE(catalog);
  CHECK((*catalog)->samples(0) == 7);
}

TEST_CASE("a shard that changed is walked again, by length or by modification time") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  indexed(making_of({a}));
  for (const bool cached : {false, true}) {
    const CatalogOptions options = cached ? with_cache(folder) : without_cache();
    write_shard(folder, "a.tar", made_tar("a", 9));
    auto catalog = open_catalog({a}, options);
    REQUIRE(catalog);
    CHECK((*catalog)->samples(0) == 9);
    CHECK(offsets_of(**catalog, 0) == walked_offsets(a));
    // The same length, another time.
    std::vector<std::uint8_t> other = made_tar("a", 7);
    other.resize(fs::file_size(a));
    write_shard(folder, "a.tar", other, 50);
    catalog = open_catalog({a}, options);
    REQUIRE(catalog);
    CHECK((*catalog)->samples(0) == 7);
    write_shard(folder, "a.tar", made_tar("a", 7));
  }
}

TEST_CASE("a shard that changes while a catalog is open is refused") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  const auto catalog = open_catalog({a}, without_cache());
  REQUIRE(catalog);
  set_age(a, 10);
  CHECK(offsets_error(**catalog, 0).reason == Reason::stale_index);
  write_shard(folder, "a.tar", made_tar("a", 8));
  CHECK(offsets_error(**catalog, 0).reason == Reason::stale_index);
}

TEST_CASE("an index of a folder serves its shards, keeps the others, and renews what is stale") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  const std::string b = write_shard(folder, "b.tar", made_tar("b", 3));
  const std::string c = write_shard(folder, "sub/c.tar", made_tar("c", 2));
  IndexSummary summary = indexed(making_of({b, c}));
  CHECK(summary.walked == 2);
  CHECK(summary.files == Specs{folder.path("millrace.index"), folder.path("sub/millrace.index")});
  summary = indexed(making_of({a}));
  CHECK(summary.walked == 1);
  CHECK(summary.reused == 1);
  CHECK(summary.shards == 2);
  CHECK(summary.samples == 10);
  summary = indexed(making_of({a, b, c, a}));
  CHECK(summary.walked == 0);
  CHECK(summary.reused == 3);
  write_shard(folder, "b.tar", made_tar("b", 5), 20);
  summary = indexed(making_of({a, b, c}));
  CHECK(summary.walked == 1);
  CHECK(summary.samples == 14);
  IndexMaking force = making_of({a, b, c});
  force.force = true;
  CHECK(indexed(force).walked == 3);

  blank(a);
  const auto catalog = open_catalog({a, b, c}, without_cache());
  REQUIRE(catalog);
  CHECK((*catalog)->samples(0) == 7);
  CHECK((*catalog)->samples(1) == 5);
  CHECK(offsets_of(**catalog, 2) == walked_offsets(c));
  CHECK_FALSE(fs::exists(folder.path("millrace.index.partial")));
}

TEST_CASE("a damaged index beside the shards is named") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  const std::string index = folder.write("millrace.index", "\x89MRI\r\n\x1a\n and no more");
  const auto catalog = open_catalog({a}, without_cache());
  REQUIRE_FALSE(catalog);
  CHECK(catalog.error().shard == index);
  CHECK(indexed(making_of({a})).walked == 1);  // making it anew mends it
  CHECK(open_catalog({a}, without_cache()));
}

TEST_CASE("an index is a source: its shards in order, found by content, moved with its folder") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "set/a.tar", made_tar("a", 7));
  const std::string b = write_shard(folder, "set/sub/b.tar", made_tar("b", 3));
  const std::string far = write_shard(folder, "far/f.tar", made_tar("f", 4));
  IndexMaking making = making_of({b, a, b, far});
  making.output = folder.path("set/list.of.shards");
  const IndexSummary summary = indexed(making);
  CHECK(summary.shards == 4);
  CHECK(summary.samples == 17);
  CHECK(summary.walked == 3);
  fs::rename(folder.path("set"), folder.path("moved"));

  const auto catalog = open_catalog({folder.path("moved/list.of.shards"), far}, without_cache());
  REQUIRE(catalog);
  REQUIRE((*catalog)->shards() == 5);
  CHECK((*catalog)->path(0) == folder.path("moved/sub/b.tar"));
  CHECK((*catalog)->path(1) == folder.path("moved/a.tar"));
  CHECK((*catalog)->samples(4) == 4);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(offsets_of(**catalog, i) == walked_offsets((*catalog)->path(i)));
  }
  // An index of an index lists the same shards.
  IndexMaking again = making_of({folder.path("moved/list.of.shards")});
  again.output = folder.path("second.index");
  CHECK(indexed(again).shards == 4);
}

TEST_CASE("an index given as a source does not look at the shards before they are read") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 7));
  const std::string b = write_shard(folder, "b.tar", made_tar("b", 7));
  const std::string c = write_shard(folder, "c.tar", made_tar("c", 7));
  IndexMaking making = making_of({a, b, c});
  making.output = folder.path("all.index");
  indexed(making);
  fs::remove(c);
  set_age(a, 10);
  write_shard(folder, "b.tar", made_tar("b", 8));
  const auto catalog = open_catalog({making.output}, without_cache());
  REQUIRE(catalog);
  CHECK((*catalog)->samples(1) == 7);
  for (const std::size_t shard : {0, 1}) {
    const Error error = offsets_error(**catalog, shard);
    CHECK(error.reason == Reason::stale_index);
    CHECK(error.message.find("millrace index -o " + making.output) != std::string::npos);
  }
  // Without indexes it is a list.
  write_shard(folder, "c.tar", made_tar("c", 1));
  CatalogOptions options = without_cache();
  options.use_index = false;
  const auto walked = open_catalog({making.output}, options);
  REQUIRE(walked);
  CHECK((*walked)->samples(1) == 8);
  CHECK((*walked)->samples(2) == 1);
  // And it mends itself with the command that the error names.
  IndexMaking mend = making_of({making.output});
  mend.output = making.output;
  const IndexSummary summary = indexed(mend);
  CHECK(summary.walked == 3);
  CHECK(summary.samples == 16);
}

TEST_CASE("metadata is read from the samples once and kept") {
  const ScratchFolder folder;
  TarMaker tar;
  tar.file("k0.jpg", "j").file("k0.json", R"({"width": 12.5, "a": {"b": 3}})");
  tar.file("k1.jpg", "j").file("k1.json", R"({"width": "wide", "a": {"b": true}})");
  tar.file("k2.jpg", "j").file("k2.json", R"({"width": )");
  tar.file("k3.jpg", "j");
  tar.file("k4.jpg", "j").file("k4.json", R"({"width": 7})");
  const std::string a = write_shard(folder, "a.tar", tar.bytes());  // no end: a damaged place
  CatalogOptions options = with_cache(folder);
  REQUIRE(open_catalog({a}, options));  // an index without metadata: it does not suffice
  options.metadata = {"json:width", "json:a.b", "__key__"};
  for (const bool again : {false, true}) {
    CAPTURE(again);
    const auto catalog = open_catalog({a}, options);
    REQUIRE(catalog);
    CHECK((*catalog)->samples(0) == 6);
    CHECK((*catalog)->damaged_shards() == 1);
    const auto width = (*catalog)->numbers(0, "json:width");
    REQUIRE(width);
    REQUIRE(width->size() == 6);
    CHECK((*width)[0] == 12.5);
    for (const std::size_t none : {1, 2, 3, 5}) CHECK(std::isnan((*width)[none]));
    CHECK((*width)[4] == 7);
    CHECK((*catalog)->numbers(0, "json:a.b")->front() == 3);
    const auto keys = (*catalog)->key_hashes(0);
    REQUIRE(keys);
    for (std::size_t i = 0; i < 5; ++i) CHECK((*keys)[i] == key_hash("k" + std::to_string(i)));
    CHECK((*keys)[5] == 0);
    CHECK_THROWS_AS((void)(*catalog)->numbers(0, "json:height"), std::invalid_argument);
    if (!again) blank(a);
  }
  options.metadata = {";"};
  CHECK_THROWS_AS((void)open_catalog({a}, options), std::invalid_argument);
}

TEST_CASE("metadata asked for by turns is read once each") {
  const ScratchFolder folder;
  TarMaker tar;
  tar.file("k0.json", R"({"width": 12.5, "height": 3})").end();
  const std::string a = write_shard(folder, "a.tar", tar.bytes());
  CatalogOptions options = with_cache(folder);
  for (const char* field : {"json:width", "json:height"}) {
    options.metadata = {field};
    REQUIRE(open_catalog({a}, options));
  }
  blank(a);
  options.metadata = {"json:width"};
  const auto catalog = open_catalog({a}, options);
  REQUIRE(catalog);
  CHECK((*catalog)->numbers(0, "json:width")->front() == 12.5);
  options.metadata = {"json:width", "json:height"};
  REQUIRE(open_catalog({a}, options));
  CHECK((*open_catalog({a}, options))->numbers(0, "json:height")->front() == 3);
}

TEST_CASE("an index as a source without the metadata asked for has its shards walked for it") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 4));
  const std::string b = write_shard(folder, "b.tar", made_tar("b", 3));
  IndexMaking making = making_of({a, b});
  making.output = folder.path("all.index");
  indexed(making);
  CatalogOptions options = with_cache(folder);
  options.metadata = {"json:width"};
  auto catalog = open_catalog({making.output}, options);
  REQUIRE(catalog);
  CHECK((*catalog)->numbers(1, "json:width") == std::vector<double>{100, 101, 102});
  making.metadata = options.metadata;
  CHECK(indexed(making).walked == 2);
  CHECK(indexed(making).reused == 2);
  blank(b);
  catalog = open_catalog({making.output}, options);
  REQUIRE(catalog);
  CHECK((*catalog)->numbers(1, "json:width") == std::vector<double>{100, 101, 102});
}

TEST_CASE("a shard that cannot be opened stops the index, and the next run goes on from there") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("a", 4));
  const std::string b = folder.write("b.tar", std::string("\x89LZO\0", 5) + std::string(600, 'x'));
  const std::string c = write_shard(folder, "c.tar", made_tar("c", 3));
  const auto failed = make_indexes(making_of({a, b, c}), in_turn, nullptr);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().shard == b);
  CHECK_FALSE(fs::exists(folder.path("millrace.index")));
  write_shard(folder, "b.tar", made_tar("b", 2));
  std::size_t reports = 0;
  const auto summary = make_indexes(making_of({a, b, c}), in_turn,
                                    [&](std::size_t done, std::size_t shards, std::uint64_t) {
                                      CHECK(done == ++reports);
                                      CHECK(shards == 3);
                                    });
  REQUIRE(summary);
  CHECK(reports == 3);
  CHECK(summary->walked == 1);
  CHECK(summary->reused == 2);
  CHECK(summary->samples == 9);
}

TEST_CASE("a damaged shard is indexed up to its damage and listed") {
  const ScratchFolder folder;
  std::vector<std::uint8_t> bytes = made_tar("a", 4);
  bytes.resize(bytes.size() - 2048);
  const std::string a = write_shard(folder, "a.tar", bytes);
  const IndexSummary summary = indexed(making_of({a}));
  REQUIRE(summary.damaged.size() == 1);
  CHECK(summary.damaged[0].shard == a);
  CHECK(summary.damaged[0].reason == Reason::damaged_shard);
  CHECK(summary.damaged[0].offset_bytes == walked_offsets(a).back());
  const auto catalog = open_catalog({a}, without_cache());
  REQUIRE(catalog);
  CHECK((*catalog)->damaged_shards() == 1);
  CHECK(offsets_of(**catalog, 0) == walked_offsets(a));
}

TEST_CASE("a key's hash is never that of a damaged place, and tells counting keys apart") {
  std::set<std::uint64_t> hashes = {0};
  for (int i = 0; i < 100'000; ++i) hashes.insert(key_hash(std::to_string(i)));
  CHECK(hashes.size() == 100'001);
  CHECK(key_hash("") != 0);
}

TEST_CASE("every tar of the zoo has the offsets in its index that a walk gives it") {
  const auto data = millrace::test::reference_data("the catalog over the tar zoo");
  if (!data) return;
  const ScratchFolder folder;
  std::size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(*data / "tar_zoo")) {
    const std::string path = entry.path().string();
    const auto shard = open_shard(path);
    if (!shard) continue;
    CAPTURE(path);
    const auto walked = (*shard)->index();
    REQUIRE(walked);
    for (const bool again : {false, true}) {
      CAPTURE(again);
      const auto catalog = open_catalog({path}, with_cache(folder));
      REQUIRE(catalog);
      CHECK((*catalog)->samples(0) == walked->sample_offsets.size());
      CHECK((*catalog)->damaged_shards() == (walked->damaged > 0 ? 1 : 0));
      CHECK((*catalog)->skipped_records().not_files == walked->skipped.not_files);
      CHECK(offsets_of(**catalog, 0) == walked->sample_offsets);
    }
    ++seen;
  }
  CHECK(seen > 150);
}

}  // namespace
