#include "millrace/formats/packed/unpack.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "golden_samples.h"
#include "millrace/formats/shard.h"
#include "sanitized_build.h"
#include "scratch_folder.h"
#include "tar_maker.h"
#include "text.h"

namespace {

using millrace::Error;
using millrace::ReadLimits;
using millrace::Reason;
using millrace::ShardBytes;
using millrace::test::checked_compressions;
using millrace::test::compressed;
using millrace::test::compressions;
using millrace::test::PlainSample;
using millrace::test::read_all;
using millrace::test::ScratchFolder;
using millrace::test::ShardContent;
using millrace::test::TarMaker;
using millrace::test::text_of;

std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
  return text;
}

// Samples of text and of bytes that do not shrink, and members that are passed over.
std::string small_tar(int samples = 4, std::size_t image_bytes = 300) {
  TarMaker tar;
  tar.entry("folder/", '5');
  for (int i = 0; i < samples; ++i) {
    const std::string key = "s" + std::to_string(i);
    tar.file(key + ".jpg", noise(image_bytes, static_cast<unsigned>(i)));
    tar.file(key + ".txt", "caption " + std::string(100, 'c'));
    tar.file("._" + key + ".txt", "finder");
  }
  tar.end();
  return text_of(tar.bytes());
}

millrace::Result<ShardBytes> unpacked(const std::string& packed, const ReadLimits& limits = {}) {
  return millrace::unpack(
      millrace::memory_source("a.tar.packed",
                              std::vector<std::uint8_t>(packed.begin(), packed.end())),
      limits);
}

bool same_content(const ShardContent& a, const ShardContent& b) {
  return a.samples == b.samples && a.index.sample_offsets == b.index.sample_offsets &&
         a.index.damaged == b.index.damaged &&
         a.index.skipped.not_files == b.index.skipped.not_files &&
         a.index.skipped.apple_members == b.index.skipped.apple_members;
}

// The first of `all`; the last one may lack its later fields.
bool begins(const std::vector<PlainSample>& some, const std::vector<PlainSample>& all) {
  if (some.empty()) return true;
  const std::size_t last = some.size() - 1;
  return some.size() <= all.size() && std::equal(some.begin(), some.end() - 1, all.begin()) &&
         some[last].key == all[last].key &&
         std::includes(all[last].fields.begin(), all[last].fields.end(), some[last].fields.begin(),
                       some[last].fields.end());
}

TEST_CASE("a compressed shard gives what the plain one does, at the same offsets") {
  const ScratchFolder folder;
  const std::string tar = small_tar();
  const auto plain = millrace::open_shard(folder.write("plain.tar", tar));
  REQUIRE(plain);
  CHECK((*plain)->unpacked_bytes() == 0);
  const ShardContent expected = read_all(**plain);
  REQUIRE(expected.samples.size() == 4);
  for (const std::string& compression : compressions()) {
    CAPTURE(compression);
    const auto shard = millrace::open_shard(folder.write("any_name", compressed(compression, tar)));
    REQUIRE(shard);
    CHECK((*shard)->unpacked_bytes() == tar.size());
    CHECK((*shard)->name() == folder.path("any_name"));
    CHECK((*shard)->will_need(0, 512) == 0);
    CHECK(same_content(read_all(**shard), expected));
  }
}

TEST_CASE("all members of a compressed file are read, empty ones and zeros behind them too") {
  const std::string tar = small_tar();
  for (const std::string& compression : checked_compressions()) {
    CAPTURE(compression);
    const auto packed = [&](std::string_view bytes) { return compressed(compression, bytes); };
    const std::string_view all = tar;
    for (const std::string& file : {packed(all.substr(0, 700)) + packed(all.substr(700)),
                                    packed("") + packed(all.substr(0, 512)) + packed("") +
                                        packed(all.substr(512)) + packed(""),
                                    packed(all) + std::string(10'240, '\0')}) {
      const auto bytes = unpacked(file);
      REQUIRE(bytes);
      CHECK_FALSE(bytes->damage);
      CHECK(text_of(bytes->source->bytes()) == tar);
    }
    const auto nothing = unpacked(packed(""));
    REQUIRE(nothing);
    CHECK_FALSE(nothing->damage);
    CHECK(nothing->source->bytes().empty());
  }
}

TEST_CASE("something else behind the compressed data is damage that says where") {
  const std::string tar = small_tar();
  for (const std::string& compression : checked_compressions()) {
    CAPTURE(compression);
    const std::string file = compressed(compression, tar);
    for (const std::string& behind : {std::string("x"), std::string(600, '\0') + "noise"}) {
      const auto bytes = unpacked(file + behind);
      REQUIRE(bytes);
      CHECK(text_of(bytes->source->bytes()) == tar);
      REQUIRE(bytes->damage);
      CHECK(bytes->damage->reason == Reason::damaged_shard);
      const std::size_t at = file.size() + (behind.size() > 1 ? 600 : 0);
      const std::string message = compression +
                                  ": something else follows the compressed data, at byte " +
                                  std::to_string(at) + " of the compressed data";
      CHECK(bytes->damage->message == message);
      CHECK(bytes->damage->shard == "a.tar.packed");
    }
  }
}

TEST_CASE("a compressed file cut at any byte gives what came before, and the loss") {
  const ScratchFolder folder;
  const std::string tar = small_tar();
  const auto plain = millrace::tar_shard(
      millrace::memory_source("t", std::vector<std::uint8_t>(tar.begin(), tar.end())));
  const ShardContent whole = read_all(*plain);
  for (const std::string& compression : compressions()) {
    CAPTURE(compression);
    const std::string file = compressed(compression, tar);
    const bool has_end = compression != "compress";
    for (std::size_t size = 0; size < file.size(); size += millrace::test::kSanitizedStride) {
      CAPTURE(size);
      const auto shard = millrace::open_shard(folder.write("cut", file.substr(0, size)));
      if (!shard) {
        CHECK(shard.error().reason == Reason::io_error);
        continue;
      }
      const ShardContent content = read_all(**shard);
      REQUIRE(content.samples.size() <= whole.samples.size());
      CHECK(begins(content.samples, whole.samples));
      CHECK(content.errors.size() == content.index.damaged);
      if (has_end) REQUIRE(content.errors.size() == 1);
      if (has_end && (*shard)->unpacked_bytes() > 0) {
        CHECK(content.errors[0].message.find(compression + ": ") != std::string::npos);
      }
    }
  }
}

TEST_CASE("a flipped bit is damage, or changes nothing") {
  const std::string tar = small_tar(2, 100);
  for (const std::string& compression : checked_compressions()) {
    CAPTURE(compression);
    const std::string file = compressed(compression, tar);
    std::size_t unseen = 0;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      std::string flipped = file;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      CAPTURE(bit);
      const auto bytes = unpacked(flipped);
      if (!bytes || bytes->damage) continue;
      CHECK(text_of(bytes->source->bytes()) == tar);
      ++unseen;
    }
    // Of the header, such as gzip's time and system, and where a code has unused bits.
    CHECK(unseen < file.size());
  }
}

TEST_CASE("damage of the compressed file is an entry behind the samples, or the reader's own") {
  const ScratchFolder folder;
  const std::string tar = small_tar();
  std::string file = compressed("gzip", tar);
  file[file.size() - 6] = static_cast<char>(file[file.size() - 6] ^ 1);  // of the checksum
  const auto wrong = millrace::open_shard(folder.write("wrong.tar.gz", file));
  REQUIRE(wrong);
  const ShardContent content = read_all(**wrong);
  CHECK(content.samples.size() == 4);
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].offset_bytes == tar.size());
  CHECK(content.errors[0].reason == Reason::damaged_shard);
  CHECK(content.errors[0].message.starts_with("gzip: incorrect data check, at byte "));

  // A sample that is cut with the file stays one entry, which has its key and both reasons.
  const auto cut =
      millrace::open_shard(folder.write("cut.tar.gz", file.substr(0, file.size() / 2)));
  REQUIRE(cut);
  const ShardContent rest = read_all(**cut);
  REQUIRE(rest.errors.size() == 1);
  CHECK(rest.errors[0].key == "s" + std::to_string(rest.samples.size()));
  CHECK(rest.errors[0].message.find("payload is cut short") != std::string::npos);
  CHECK(rest.errors[0].message.find("; gzip: the data ends too early, at byte " +
                                    std::to_string(file.size() / 2)) != std::string::npos);
}

TEST_CASE("a bomb is stopped by the limit, which its error names") {
  const std::string zeros(std::size_t{16} << 20, '\0');
  for (const std::string& compression : checked_compressions()) {
    CAPTURE(compression);
    const std::string member = compressed(compression, zeros);
    std::string bomb;
    for (int i = 0; i < 64; ++i) bomb += member;  // 1 GiB

    const auto by_ratio = unpacked(bomb);
    REQUIRE(by_ratio);
    CHECK(by_ratio->unpacked_bytes <= std::max<std::uint64_t>(200 * bomb.size(), 64 << 20));
    REQUIRE(by_ratio->damage);
    CHECK(by_ratio->damage->reason == Reason::damaged_shard);
    CHECK(by_ratio->damage->message.find("max_unpack_ratio (200)") != std::string::npos);

    const auto by_size = unpacked(bomb, {.max_unpacked_bytes = 1'000'000});
    REQUIRE(by_size);
    CHECK(by_size->unpacked_bytes == 1'000'000);
    REQUIRE(by_size->damage);
    CHECK(by_size->damage->message ==
          "it unpacks to more than 1000000 bytes, the limit max_unpacked_bytes");
    // The limit is what may be there, not the first that may not.
    const auto exactly = unpacked(member, {.max_unpacked_bytes = zeros.size()});
    REQUIRE(exactly);
    CHECK_FALSE(exactly->damage);
    CHECK(exactly->unpacked_bytes == zeros.size());
  }
}

TEST_CASE("a frame that says it holds more than memory is no reason to ask for it") {
  const std::string zeros(std::size_t{256} << 20, '\0');
  const std::string bomb = compressed("zstd", zeros);  // one frame, which gives its size
  const auto bytes = unpacked(bomb);
  REQUIRE(bytes);
  CHECK(bytes->unpacked_bytes == std::size_t{64} << 20);
  REQUIRE(bytes->damage);
  // Magic number, 8 bytes of content size, a window of 1 KiB; one block that is cut.
  const auto lie =
      unpacked(std::string("\x28\xb5\x2f\xfd\xc0\x00\xff\xff\xff\xff\xff\xff\xff\x7f", 14));
  REQUIRE(lie);
  CHECK(lie->unpacked_bytes == 0);
  REQUIRE(lie->damage);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("memory that the system refuses is an error") {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  REQUIRE(pages > 0);
  const std::string text = noise(std::size_t{32} << 20);
  const std::string file = compressed("gzip", text);
  const auto source =
      millrace::memory_source("a.gz", std::vector<std::uint8_t>(file.begin(), file.end()));
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  rlimit little = before;
  little.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{96} << 20);
  REQUIRE(::setrlimit(RLIMIT_AS, &little) == 0);
  const auto bytes = millrace::unpack(source, {});
  REQUIRE(::setrlimit(RLIMIT_AS, &before) == 0);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().reason == Reason::io_error);
  CHECK(bytes.error().shard == "a.gz");
  CHECK(bytes.error().message.find("not enough memory") != std::string::npos);
}
#endif

TEST_CASE("a packed file that changed its size is an error when its samples are read") {
  const ScratchFolder folder;
  const std::string path = folder.write("a.tar.gz", compressed("gzip", small_tar()));
  const auto shard = millrace::open_shard(path);
  REQUIRE(shard);
  const auto index = (*shard)->index();
  REQUIRE(index);
  REQUIRE(::truncate(path.c_str(), 10) == 0);
  millrace::Sample sample;
  const auto read = (*shard)->read(index->sample_offsets.back(), sample);
  REQUIRE_FALSE(read);
  CHECK(read.error().reason == Reason::io_error);
  CHECK_FALSE((*shard)->index());
}

TEST_CASE("a compression that nobody here reads is refused at open, by its name") {
  const ScratchFolder folder;
  const auto shard = millrace::open_shard(
      folder.write("a.tar", std::string("\x89LZO\0", 5) + std::string(2000, 'x')));
  REQUIRE_FALSE(shard);
  CHECK(shard.error().reason == Reason::io_error);
  CHECK(shard.error().shard == folder.path("a.tar"));
  CHECK(shard.error().message == "compression with lzop is not read; decompress it first");
}

}  // namespace
