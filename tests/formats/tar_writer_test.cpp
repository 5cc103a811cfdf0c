#include "millrace/formats/tar/tar_writer.h"

#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/shard.h"
#include "millrace/formats/tar/sample_grouper.h"
#include "millrace/formats/tar/tar_reader.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace millrace {
namespace {

using test::bytes_of;
using test::text_of;
using Members = std::vector<std::pair<std::string, std::string>>;

Members odd_members() {
  std::string directories;
  for (int i = 0; i < 30; ++i) directories += "folder/";
  return {{"a.jpg", "1"},
          {"empty.txt", ""},
          {std::string(96, 'n') + ".jpg", std::string(512, 'x')},
          {std::string(97, 'n') + ".jpg", std::string(511, 'x')},
          {directories.substr(0, 140) + "b.jpg", std::string(513, 'x')},
          {directories + "b.jpg", "deep"},
          {std::string(4000, 'k') + ".txt", "long"},
          {"grüße/日本.txt", "utf-8"},
          {"large.bin", std::string(100'000, 'L')},
          {"small.bin", "after the large one"}};
}

std::string written(const std::string& path, const Members& members) {
  auto writer = tar::Writer::create(path);
  REQUIRE(writer);
  for (const auto& [name, content] : members) {
    REQUIRE((*writer)->add(name, bytes_of(content)));
  }
  REQUIRE((*writer)->finish());
  const std::string archive = text_of(test::read_file(path));
  CHECK((*writer)->bytes() == archive.size());
  CHECK((*writer)->crc32() == tar::padded_crc32(bytes_of(archive)));
  return archive;
}

TEST_CASE("what is written is read back by the reader here and by libarchive") {
  const test::ScratchFolder folder;
  const Members members = odd_members();
  const std::string archive = written(folder.path("a.tar"), members);

  tar::Reader reader(bytes_of(archive), 0);
  tar::Member member;
  std::uint64_t expected_begin = 0;
  for (const auto& [name, content] : members) {
    REQUIRE(reader.next(member) == tar::Event::member);
    CHECK(member.name == name);
    CHECK(text_of(member.data) == content);
    CHECK(member.begin_bytes == expected_begin);
    expected_begin += tar::member_bytes(name, content.size());
    CHECK(member.end_bytes == expected_begin);
  }
  CHECK(reader.next(member) == tar::Event::end_marker);
  CHECK(archive.size() == expected_begin + tar::kEndBytes);

  archive_entry* entry = nullptr;
  ::archive* oracle = archive_read_new();
  archive_read_support_format_tar(oracle);
  archive_read_set_options(oracle, "hdrcharset=UTF-8");
  REQUIRE(archive_read_open_memory(oracle, archive.data(), archive.size()) == ARCHIVE_OK);
  for (const auto& [name, content] : members) {
    // It warns where the locale has no characters for a name.
    REQUIRE(archive_read_next_header(oracle, &entry) >= ARCHIVE_WARN);
    const char* path = archive_entry_pathname_utf8(entry);
    if (path == nullptr) path = archive_entry_pathname(entry);
    CHECK(std::string(path) == name);
    CHECK(archive_entry_mtime(entry) == 0);
    CHECK(archive_entry_uid(entry) == 0);
    CHECK(archive_entry_perm(entry) == 0644);
    std::string data(content.size() + 1, '\0');
    CHECK(archive_read_data(oracle, data.data(), data.size()) ==
          static_cast<la_ssize_t>(content.size()));
    data.pop_back();
    CHECK(data == content);
  }
  CHECK(archive_read_next_header(oracle, &entry) == ARCHIVE_EOF);
  archive_read_free(oracle);
}

TEST_CASE("the same members are the same bytes, and plain names take one header block") {
  const test::ScratchFolder folder;
  CHECK(written(folder.path("a.tar"), odd_members()) ==
        written(folder.path("b.tar"), odd_members()));
  CHECK(tar::member_bytes("a.jpg", 1) == 1024);
  CHECK(tar::member_bytes("a.jpg", 0) == 512);
  CHECK(tar::member_bytes(std::string(100, 'a') + "/" + std::string(100, 'b'), 512) == 1024);
  CHECK(tar::member_bytes(std::string(101, 'a'), 512) == 2048);
}

TEST_CASE("sizes that ustar's field does not hold are in a PAX header") {
  for (const std::uint64_t size :
       {(std::uint64_t{1} << 33) - 1, std::uint64_t{1} << 33, std::uint64_t{1} << 40}) {
    std::string blocks;
    tar::append_header(blocks, "big.bin", size);
    CHECK(blocks.size() + tar::padded(size) == tar::member_bytes("big.bin", size));
    // The payload is not there: the reader knows the member, and that it is cut.
    tar::Reader reader(tar::Archive(bytes_of(blocks), 0, false), 0);
    tar::Member member;
    CHECK(reader.next(member) == tar::Event::unfinished_payload);
    CHECK(member.name == "big.bin");
    CHECK(member.end_bytes == blocks.size() + tar::padded(size));
  }
}

TEST_CASE("an archive has its name only when it is whole") {
  const test::ScratchFolder folder;
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      found.push_back(file.path().filename().native());
    }
    return found;
  };
  {
    auto writer = tar::Writer::create(folder.path("a.tar"));
    REQUIRE(writer);
    REQUIRE((*writer)->add("a.txt", bytes_of("1")));
    CHECK(names() == std::vector<std::string>{".a.tar.partial"});
  }
  CHECK(names().empty());
  test::write_file(folder.path() / ".a.tar.partial",
                   std::string(5000, 'x'));  // of a killed process
  written(folder.path("a.tar"), {{"a.txt", "1"}});
  CHECK(names() == std::vector<std::string>{"a.tar"});
  CHECK(std::filesystem::file_size(folder.path("a.tar")) == 2048);

  const auto nowhere = tar::Writer::create(folder.path("absent/a.tar"));
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().reason == Reason::io_error);
  CHECK(nowhere.error().shard == folder.path("absent/a.tar"));
}

TEST_CASE("members written one after the other are samples") {
  const test::ScratchFolder folder;
  written(folder.path("a.tar"), {{"a.jpg", "1"}, {"a.txt", "2"}, {"grüße.jpg", "3"}});
  const auto shard = open_shard(folder.path("a.tar"));
  REQUIRE(shard);
  const auto index = (*shard)->index();
  REQUIRE(index);
  REQUIRE(index->sample_offsets.size() == 2);
  CHECK(index->damaged == 0);
  Sample sample;
  REQUIRE((*shard)->read(index->sample_offsets[1], sample));
  CHECK(sample.key() == "grüße");
}

}  // namespace
}  // namespace millrace
