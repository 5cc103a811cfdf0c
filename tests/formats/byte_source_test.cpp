#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/shard.h"
#include "scratch_folder.h"
#include "tar_maker.h"

namespace {

using millrace::Reason;
using millrace::test::ScratchFolder;

TEST_CASE("a mapped file gives its bytes before and after its pages are given back") {
  const ScratchFolder folder;
  const std::string text(100'000, 'x');
  const std::string path = folder.write("a.bin", text + "end");
  const auto source = millrace::map_file(path);
  REQUIRE(source);
  CHECK((*source)->name() == path);
  const auto bytes = (*source)->bytes();
  (*source)->will_need(1, 50'000);
  (*source)->will_need(90'000, ~std::uint64_t{0});
  CHECK(std::string(bytes.begin(), bytes.end()) == text + "end");
  (*source)->done_with(5'000, 70'000);
  (*source)->done_with(200'000, 300'000);
  (*source)->done_with(2, 1);
  CHECK(std::string(bytes.begin(), bytes.end()) == text + "end");
  CHECK((*source)->check_unchanged());
}

TEST_CASE("an empty file is a source of no bytes") {
  const ScratchFolder folder;
  const auto source = millrace::map_file(folder.write("empty", ""));
  REQUIRE(source);
  CHECK((*source)->bytes().empty());
  (*source)->will_need(0, 10);
  CHECK((*source)->check_unchanged());
}

TEST_CASE("what cannot be mapped is an io_error with the path and the reason") {
  const ScratchFolder folder;
  const auto missing = millrace::map_file(folder.path("missing"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().reason == Reason::io_error);
  CHECK(missing.error().shard == folder.path("missing"));
  CHECK(missing.error().message == "cannot open: No such file or directory");
  const auto not_a_file = millrace::map_file(folder.path(""));
  REQUIRE_FALSE(not_a_file);
  CHECK(not_a_file.error().message == "cannot map: not a regular file");
}

TEST_CASE("a file that changed its size is an error instead of a fatal signal") {
  const ScratchFolder folder;
  const auto tar = millrace::test::TarMaker().file("a.jpg", std::string(50'000, 'j')).end();
  const std::string path =
      folder.write("a.tar", std::string(tar.bytes().begin(), tar.bytes().end()));
  const auto shard = millrace::open_shard(path);
  REQUIRE(shard);
  millrace::Sample sample;
  REQUIRE((*shard)->read(0, sample));
  REQUIRE(::truncate(path.c_str(), 600) == 0);
  const auto read = (*shard)->read(0, sample);
  REQUIRE_FALSE(read);
  CHECK(read.error().reason == Reason::io_error);
  CHECK(read.error().shard == path);
  CHECK(read.error().offset_bytes == 0);
  CHECK_FALSE((*shard)->index());
}

TEST_CASE("compressed shards are known by content and not by name") {
  const ScratchFolder folder;
  for (const std::string& magic :
       {std::string("\x1f\x8b\x08"), std::string("BZh9"), std::string("\xfd\x37zXZ\0", 6),
        std::string("\x28\xb5\x2f\xfd"), std::string("\x51\x2a\x4d\x18"),
        std::string("\x04\x22\x4d\x18")}) {
    const std::string path = folder.write("a.tar", magic + std::string(2000, 'x'));
    const auto shard = millrace::open_shard(path);
    REQUIRE(shard);
    const auto index = (*shard)->index();
    REQUIRE(index);
    CHECK(index->damaged == 1);
    millrace::Sample sample;
    const auto read = (*shard)->read(index->sample_offsets.at(0), sample);
    REQUIRE_FALSE(read);
    CHECK(read.error().reason == Reason::damaged_shard);
    CHECK(read.error().message.find(" of the compressed data") != std::string::npos);
  }
  const auto tar = millrace::test::TarMaker().file("BZh.jpg", "1").end();
  const auto shard = millrace::open_shard(
      folder.write("a.tar.bz2", std::string(tar.bytes().begin(), tar.bytes().end())));
  REQUIRE(shard);
  CHECK((*shard)->index()->damaged == 0);
}

}  // namespace
