#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "golden_samples.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tar/sample_grouper.h"
#include "opened_shard.h"
#include "tar_maker.h"

namespace {

using millrace::Error;
using millrace::Reason;
using millrace::Sample;
using millrace::test::PlainSample;
using millrace::test::read_all;
using millrace::test::ShardContent;
using millrace::test::TarMaker;
using millrace::test::text_of;
using Bytes = std::vector<std::uint8_t>;

std::shared_ptr<const millrace::Shard> shard_of(Bytes bytes,
                                                const millrace::ReadLimits& limits = {}) {
  return millrace::tar_shard(millrace::memory_source("memory.tar", std::move(bytes)), limits);
}

ShardContent content_of(const TarMaker& tar) { return read_all(*shard_of(tar.bytes())); }

std::string keys_of(const ShardContent& content) {
  std::string text;
  for (const PlainSample& sample : content.samples) {
    text += sample.key + "(";
    for (const auto& field : sample.fields) text += field.first + " ";
    text.back() = ')';
    text += ' ';
  }
  return text;
}

// Every kind of header that may stand before a payload, and things to pass over.
TarMaker tar_of_every_header() {
  TarMaker tar;
  tar.pax({"comment=0123456789abcdef"}, 'g');
  tar.file("a.jpg", std::string(700, 'j')).file("a.txt", "caption of a");
  tar.pax({"path=folder/b.jpg", "mtime=1.5"}).file("short", std::string(512, 'k'));
  tar.pax({"path=folder/b.json"}).file("short", "{}");
  tar.entry("folder", '5').entry("link.jpg", '2').entry("._x.jpg", '0', "apple");
  const std::string long_name(150, 'n');
  tar.long_name(long_name + ".jpg").file(long_name.substr(0, 100), std::string(10, 'l'));
  tar.file("noextension", "?").file(long_name.substr(0, 90) + ".txt", "");
  tar.pax({"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s.bin",
           "GNU.sparse.realsize=2000"});
  tar.file("s", "1\n1000\n5\n" + std::string(512 - 9, '\0') + "holes");
  tar.file("s.txt", "after");
  return tar.end();
}

// Positions of all blocks that are headers.
std::vector<std::size_t> header_positions(const Bytes& archive) {
  std::vector<std::size_t> positions;
  millrace::tar::Reader reader(archive, 0);
  millrace::tar::Member member;
  while (reader.next(member) == millrace::tar::Event::member) {
    positions.push_back(member.begin_bytes);
  }
  return positions;
}

TEST_CASE("consecutive members of one key form a sample") {
  TarMaker tar;
  tar.file("x/a.JPG", "1").file("x/a.seg.png", "2").file("x/b.jpg", "3").file("x/a.txt", "4").end();
  const auto shard = shard_of(tar.bytes());
  const auto index = shard->index();
  REQUIRE(index);
  CHECK(index->sample_offsets == std::vector<std::uint64_t>{0, 2048, 3072});
  Sample sample;
  REQUIRE(shard->read(0, sample));
  CHECK(sample.key() == "x/a");
  CHECK(sample.shard() == "memory.tar");
  CHECK(sample.begin_bytes() == 0);
  CHECK(sample.end_bytes() == 2048);
  CHECK(text_of(sample, "jpg") == "1");
  CHECK(text_of(sample, "seg.png") == "2");
  CHECK(sample.find("txt") == nullptr);
  CHECK(sample.find("jpg")->data.data() == shard->source().bytes().data() + 512);
}

TEST_CASE("members that are passed over are counted and split no sample") {
  TarMaker tar;
  tar.file("a.jpg", "1").entry("folder/", '5').entry("l.jpg", '1').file("__MACOSX/._a.jpg", "m");
  tar.file("noextension", "n")
      .file(".hidden", "h")
      .file("__x__/m.json", "{}")
      .entry("?.jpg", 'Q', "q");
  tar.file("sub/.DS_Store", "d")
      .file("a.__url__", "u")
      .entry("old_folder/", '\0')
      .file("a.txt", "2");
  tar.file("a.TXT", "3").end();
  const ShardContent content = content_of(tar);
  CHECK(keys_of(content) == "a(jpg txt) a(txt) ");
  CHECK(content.index.damaged == 0);
  CHECK(content.index.skipped.not_files == 4);
  CHECK(content.index.skipped.apple_members == 2);
  CHECK(content.index.skipped.without_extension == 2);
  CHECK(content.index.skipped.meta_members == 2);
  CHECK(content.index.skipped.duplicate_fields == 1);
}

TEST_CASE("the payload of a link is found whether or not its size field is meant") {
  TarMaker::Header link;
  link.name = "l.jpg";
  link.type = '1';
  link.size = 600;
  TarMaker with;
  with.file("a.jpg", "1").header(link).payload(std::string(600, 'x')).file("b.jpg", "2").end();
  CHECK(keys_of(content_of(with)) == "a(jpg) b(jpg) ");
  TarMaker without;
  without.file("a.jpg", "1").header(link).file("b.jpg", "2").end();
  CHECK(keys_of(content_of(without)) == "a(jpg) b(jpg) ");
  CHECK(content_of(without).errors.empty());
}

TEST_CASE("a shard read through its index gives what reading on gives") {
  const Bytes bytes = tar_of_every_header().bytes();
  const auto shard = shard_of(bytes);
  const auto index = shard->index();
  REQUIRE(index);
  using Grouper = millrace::SampleGrouper;
  Grouper grouper("memory.tar", bytes, 0, {}, Grouper::Payloads::expanded);
  Sample continued;
  Sample sought;
  for (const std::uint64_t offset : index->sample_offsets) {
    REQUIRE(grouper.next(continued) == Grouper::Outcome::sample);
    REQUIRE(shard->read(offset, sought));
    CHECK(sought.key() == continued.key());
    CHECK(sought.begin_bytes() == continued.begin_bytes());
    CHECK(sought.end_bytes() == continued.end_bytes());
    REQUIRE(sought.fields().size() == continued.fields().size());
    for (std::size_t i = 0; i < sought.fields().size(); ++i) {
      const auto& a = sought.fields()[i];
      const auto& b = continued.fields()[i];
      CHECK(a.name == b.name);
      CHECK(std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end()));
    }
  }
  CHECK(grouper.next(continued) == Grouper::Outcome::end);
}

TEST_CASE("a shard cut at any byte keeps the samples before the cut and reports the loss") {
  const TarMaker tar = tar_of_every_header();
  const Bytes& whole = tar.bytes();
  const ShardContent all = content_of(tar);
  REQUIRE(all.errors.empty());
  CHECK(keys_of(all).starts_with("a(jpg txt) folder/b(jpg json) nnn"));
  const std::size_t last_payload_end = whole.size() - 1024;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    const auto shard = shard_of(Bytes(whole.begin(), whole.begin() + static_cast<long>(cut)));
    const ShardContent content = read_all(*shard);
    if (cut > last_payload_end) {
      CHECK(content.errors.empty());
      CHECK(content.samples == all.samples);
      continue;
    }
    REQUIRE(content.errors.size() == 1);
    CHECK(content.index.damaged == 1);
    REQUIRE(content.samples.size() <= all.samples.size());
    for (std::size_t i = 0; i < content.samples.size(); ++i) {
      // Only the last one may lack fields: it was cut between its members.
      const PlainSample& sample = content.samples[i];
      CHECK(sample.key == all.samples[i].key);
      const auto& fields = all.samples[i].fields;
      CHECK(
          std::includes(fields.begin(), fields.end(), sample.fields.begin(), sample.fields.end()));
      if (i + 1 < content.samples.size()) CHECK(sample.fields.size() == fields.size());
    }
  }
}

TEST_CASE("a repeated extension is found among any number of fields, in any case") {
  for (const int count : {1, 2, 63, 64, 65, 66, 300}) {
    for (const int repeated : {0, count / 2, count - 1}) {
      CAPTURE(count);
      CAPTURE(repeated);
      TarMaker tar;
      for (int i = 0; i < count; ++i) tar.file("a.Field" + std::to_string(i), "x");
      tar.file("a.fiELD" + std::to_string(repeated), "y").file("a.other", "z").file("b.t", "");
      const ShardContent content = content_of(tar.end());
      REQUIRE(content.samples.size() == 3);
      CHECK(content.samples[0].fields.size() == static_cast<std::size_t>(count));
      CHECK(content.samples[1].fields.size() == 2);
      CHECK(shard_of(tar.bytes())->index()->skipped.duplicate_fields == 1);
    }
  }
}

/// CPU seconds of indexing.
double seconds_of_index(const millrace::Shard& shard, std::size_t samples) {
  const std::clock_t begin = std::clock();
  const auto index = shard.index();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  REQUIRE(index);
  CHECK(index->sample_offsets.size() == samples);
  return seconds;
}

TEST_CASE("a sample of very many fields is indexed in time that grows with their number") {
  constexpr int kFields = 100'000;
  TarMaker one_sample;
  TarMaker many_samples;
  for (int i = 0; i < kFields; ++i) {
    one_sample.file("a." + std::to_string(1'000'000 + i), "");
    many_samples.file(std::to_string(1'000'000 + i) + ".a", "");
  }
  const auto shard = shard_of(one_sample.end().bytes());
  // As many members, so as many headers to read. Looking through all fields for each new one takes
  // a hundred times as long.
  const double yardstick = seconds_of_index(*shard_of(many_samples.end().bytes()), kFields);
  CHECK(seconds_of_index(*shard, 1) < 15 * yardstick + 0.1);
  Sample sample;
  REQUIRE(shard->read(0, sample));
  CHECK(sample.fields().size() == kFields);
}

TEST_CASE("a header that does not match its checksum ends the shard with an error") {
  const TarMaker tar = tar_of_every_header();
  const ShardContent all = content_of(tar);
  for (const std::size_t position : header_positions(tar.bytes())) {
    CAPTURE(position);
    Bytes bytes = tar.bytes();
    bytes[position] ^= 1;
    const ShardContent content = read_all(*shard_of(bytes));
    REQUIRE(content.errors.size() == 1);
    CHECK(content.errors[0].offset_bytes == position);
    CHECK(content.errors[0].message == "header checksum does not match");
    CHECK(content.samples.size() < all.samples.size() + 1);
  }
}

TEST_CASE("a payload that is cut takes its own sample with it and no other") {
  TarMaker tar;
  tar.file("a.jpg", "1").file("a.txt", "2").file("b.jpg", "3").file("b.txt", std::string(600, 't'));
  Bytes bytes = tar.bytes();
  bytes.resize(bytes.size() - 100);  // the padding counts: what follows it is lost anyway
  const ShardContent of_b = read_all(*shard_of(bytes));
  CHECK(keys_of(of_b) == "a(jpg txt) ");
  REQUIRE(of_b.errors.size() == 1);
  CHECK(of_b.errors[0].key == "b");
  CHECK(of_b.errors[0].offset_bytes == 2048);
  CHECK(of_b.errors[0].message ==
        "a payload is cut short: 600 bytes from byte 3584, but the shard has 4508");

  TarMaker next;
  next.file("a.jpg", "1").pax({"path=b.jpg"}).file("x", std::string(600, 'j'));
  bytes = next.bytes();
  bytes.resize(bytes.size() - 1);
  const ShardContent of_next = read_all(*shard_of(bytes));
  CHECK(keys_of(of_next) == "a(jpg) ");
  REQUIRE(of_next.errors.size() == 1);
  CHECK(of_next.errors[0].key == "b");
  CHECK(of_next.errors[0].offset_bytes == 1024);
}

TEST_CASE("damage behind an extension header lies at the extension header") {
  TarMaker tar;
  tar.file("a.jpg", "1").pax({"path=b.jpg"});
  const std::size_t member = tar.size();
  tar.file("x", "2").end();
  Bytes bytes = tar.bytes();
  bytes[member] ^= 1;
  const ShardContent content = read_all(*shard_of(bytes));
  CHECK(keys_of(content) == "a(jpg) ");
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].offset_bytes == 1024);
  CHECK(content.errors[0].message == "header checksum does not match (at byte 2048)");
}

TEST_CASE("what follows the end marker is damage only if it holds members") {
  const auto with_tail = [](const std::string& tail) {
    TarMaker tar;
    tar.file("a.jpg", "1").end(1).raw(tail);
    return content_of(tar);
  };
  CHECK(with_tail("").errors.empty());
  CHECK(with_tail(std::string(3000, '\0')).errors.empty());
  CHECK(with_tail(std::string(3000, 'x')).errors.empty());
  CHECK(with_tail("a tail that is no block").errors.empty());
  TarMaker second;
  second.file("b.jpg", "2");
  const std::string archive(second.bytes().begin(), second.bytes().end());
  const ShardContent lost = with_tail(std::string(512, '\0') + archive);
  CHECK(keys_of(lost) == "a(jpg) ");
  REQUIRE(lost.errors.size() == 1);
  CHECK(lost.errors[0].offset_bytes == 1024);
  CHECK(lost.errors[0].message == "end marker in the middle; 1536 bytes after it were not read");
}

TEST_CASE("a shard needs an end marker, and zeros alone are an empty shard") {
  CHECK(content_of(TarMaker().file("a.jpg", "1")).errors.size() == 1);
  CHECK(content_of(TarMaker().file("a.jpg", "1").raw(std::string(1, '\0'))).errors.empty());
  CHECK(content_of(TarMaker().end(4)).errors.empty());
  CHECK(content_of(TarMaker().end(4)).samples.empty());
  const ShardContent empty = content_of(TarMaker());
  REQUIRE(empty.errors.size() == 1);
  CHECK(empty.errors[0].message == "the shard is empty (0 bytes)");
}

TEST_CASE("global PAX headers rename nothing") {
  TarMaker tar;
  tar.pax({"path=global.jpg", "size=1"}, 'g').file("a.jpg", "12").file("a.txt", "3").end();
  const ShardContent content = content_of(tar);
  CHECK(keys_of(content) == "a(jpg txt) ");
  CHECK(content.index.sample_offsets == std::vector<std::uint64_t>{1024});
}

TEST_CASE("reading at an offset that is not of the index is an error") {
  const auto shard = shard_of(TarMaker().file("a.jpg", "1").end().bytes());
  Sample sample;
  for (const std::uint64_t offset :
       {std::uint64_t{1}, std::uint64_t{1024}, std::uint64_t{1} << 60, Error::kNoOffset}) {
    const auto read = shard->read(offset, sample);
    REQUIRE_FALSE(read);
    CHECK(read.error().reason == Reason::internal);
  }
}

TEST_CASE("sparse members expand, and a bad map costs only its own sample") {
  const std::string map = "GNU.sparse.map=0,3,100,2";
  const auto sparse = [&](const std::string& map_record, const std::string& size,
                          const std::string& payload) {
    TarMaker tar;
    tar.pax({map_record, "GNU.sparse.size=" + size, "GNU.sparse.name=s.bin"}).file("x", payload);
    tar.file("t.txt", "2").end();
    return tar;
  };
  const auto shard = shard_of(sparse(map, "150", "abcde").bytes());
  Sample sample;
  REQUIRE(shard->read(0, sample));
  std::string expected(150, '\0');
  expected.replace(0, 3, "abc");
  expected.replace(100, 2, "de");
  CHECK(text_of(sample, "bin") == expected);

  for (const TarMaker& bad :
       {sparse(map, "101", "abcde"), sparse(map, "150", "abcd"), sparse(map + ",7", "150", "abcde"),
        sparse("GNU.sparse.map=0,3,2,2", "150", "abcde"),
        sparse("GNU.sparse.map=0,18446744073709551615", "150", "abcde"),
        sparse(map, "2147483648", "abcde")}) {
    const ShardContent content = content_of(bad);
    CHECK(keys_of(content) == "t(txt) ");
    REQUIRE(content.errors.size() == 1);
    CHECK(content.errors[0].key == "s");
    CHECK(content.errors[0].reason == Reason::damaged_shard);
  }
  const auto limited = shard_of(sparse(map, "150", "abcde").bytes(), {.max_expanded_bytes = 149});
  CHECK_FALSE(limited->read(0, sample));
}

}  // namespace
