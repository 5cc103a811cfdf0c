#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "in_turn.h"
#include "indexed_shards.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

namespace fs = std::filesystem;

using millrace::Error;
using millrace::IndexMaking;
using millrace::IndexSummary;
using millrace::Reason;
using millrace::ShardCatalog;
using millrace::test::in_turn;
using millrace::test::indexed;
using millrace::test::made_tar;
using millrace::test::making_of;
using millrace::test::offsets_error;
using millrace::test::offsets_of;
using millrace::test::ScratchFolder;
using millrace::test::walked_offsets;
using millrace::test::without_cache;
using millrace::test::write_shard;

using Specs = std::vector<std::string>;

TEST_CASE("counts of other tools are taken over, and checked when a shard is read") {
  const ScratchFolder folder;
  Specs shards;
  for (int i = 0; i < 6; ++i) {
    shards.push_back(write_shard(folder, std::to_string(i) + ".tar", made_tar("s", 4)));
  }
  folder.write("sizes.json", R"({"0.tar": 4})");
  folder.write("index.json", R"({"shardlist": [{"url": "http://x/1.tar", "nsamples": 4}]})");
  folder.write("2.idx", "v1.2 4\njpg 512 3 a.jpg\n");
  std::vector<std::uint64_t> ends = walked_offsets(shards[3]);
  ends.push_back(fs::file_size(shards[3]) - 1024);
  folder.write("3.tar.idx", {reinterpret_cast<const char*>(ends.data()), ends.size() * 8});
  folder.write("4_stats.json", R"({"count": 10, "successes": 5})");  // wrong
  IndexMaking making = making_of(shards);
  making.import_counts = true;
  IndexSummary summary = indexed(making);
  CHECK(summary.imported == 5);
  CHECK(summary.walked == 1);
  CHECK(summary.samples == 25);
  const auto catalog = ShardCatalog::open(shards, without_cache(), in_turn);
  REQUIRE(catalog);
  CHECK((*catalog)->samples(4) == 5);
  for (const std::size_t shard : {0, 1, 2, 3, 5, 0, 1}) {
    CHECK(offsets_of(**catalog, shard) == walked_offsets(shards[shard]));
  }
  const Error error = offsets_error(**catalog, 4);
  CHECK(error.reason == Reason::stale_index);
  CHECK(error.message.find("has 4 samples, but 4_stats.json says 5") != std::string::npos);
  // A walk replaces what was only counted.
  making.import_counts = false;
  summary = indexed(making);
  CHECK(summary.walked == 5);
  CHECK(summary.reused == 1);
  CHECK(summary.samples == 24);
}

TEST_CASE("a compressed shard is walked, not counted: nobody else says what it unpacks to") {
  const ScratchFolder folder;
  const std::vector<std::uint8_t> tar = made_tar("s", 4);
  const std::string packed = millrace::test::compressed("gzip", millrace::test::text_of(tar));
  const std::string shard = folder.write("0.tar.gz", packed);
  const std::string plain = write_shard(folder, "1.tar", tar);
  folder.write("sizes.json", R"({"0.tar.gz": 4, "1.tar": 4})");
  IndexMaking making = making_of({shard, plain});
  making.import_counts = true;
  const IndexSummary summary = indexed(making);
  CHECK(summary.walked == 1);
  CHECK(summary.imported == 1);
  const auto catalog = ShardCatalog::open({shard, plain}, without_cache(), in_turn);
  REQUIRE(catalog);
  CHECK((*catalog)->samples(0) == 4);
  CHECK((*catalog)->unpacked_bytes(0) > 0);
  CHECK((*catalog)->unpacked_bytes(1) == 0);
}

TEST_CASE("files that only look like counts count nothing") {
  const ScratchFolder folder;
  const std::string a = write_shard(folder, "a.tar", made_tar("s", 4));
  IndexMaking making = making_of({a});
  making.import_counts = true;
  making.force = true;
  const auto walks_with = [&](const std::string& name, const std::string& content) {
    folder.write(name, content);
    const bool walks = indexed(making).walked == 1;
    fs::remove(folder.path(name));
    return walks;
  };
  CHECK(walks_with("sizes.json", "{"));
  CHECK(walks_with("sizes.json", "[1, 2]"));
  CHECK(walks_with("sizes.json", R"({"a.tar": -4, "b.tar": 1})"));
  CHECK(walks_with("sizes.json", R"({"a.tar": 18446744073709551615})"));
  CHECK(walks_with("index.json", R"({"shardlist": [{"url": 3, "nsamples": 4}, 7]})"));
  CHECK(walks_with("a.idx", "v1.2 four\n"));
  CHECK(walks_with("a.idx", ""));
  CHECK(walks_with("a.tar.idx", "12345678"));
  CHECK(walks_with("a.tar.idx", "1234"));
  CHECK(walks_with("a_stats.json", R"({"successes": "4"})"));
}

TEST_CASE("the counts of the indexed reference shards are imported from each kind of file") {
  const auto data = millrace::test::reference_data("imported counts");
  if (!data) return;
  const fs::path golden = *data / "tabular" / "indexed_webdataset";
  const std::vector<std::set<std::string>> kinds = {
      {"sizes.json"}, {"index.json"}, {".idx"}, {".tar.idx"}};
  for (const std::set<std::string>& kind : kinds) {
    const ScratchFolder folder;
    for (const auto& entry : fs::directory_iterator(golden)) {
      const std::string name = entry.path().filename().string();
      const bool is_energon = name.ends_with(".tar.idx");
      const bool wanted = std::any_of(kind.begin(), kind.end(), [&](const std::string& end) {
        return name.ends_with(end) && (end != ".idx" || !is_energon);
      });
      if (wanted || name.ends_with(".tar")) fs::copy_file(entry.path(), folder.path(name));
    }
    IndexMaking making = making_of({folder.path("shard-{000000..000002}.tar")});
    making.import_counts = true;
    const IndexSummary summary = indexed(making);
    CHECK(summary.imported == 3);
    CHECK(summary.samples == 13);
    const auto catalog = ShardCatalog::open(making.sources, without_cache(), in_turn);
    REQUIRE(catalog);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(offsets_of(**catalog, i) == walked_offsets((*catalog)->path(i)));
    }
  }
}

}  // namespace
