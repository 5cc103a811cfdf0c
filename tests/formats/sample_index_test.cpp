#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "indexed_shards.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/formats/index/sample_index_writer.h"
#include "reference_data.h"
#include "sanitized_build.h"
#include "scratch_folder.h"

namespace {

using millrace::encode_block;
using millrace::IndexBlock;
using millrace::IndexedShard;
using millrace::memory_source;
using millrace::Reason;
using millrace::SampleIndex;
using millrace::SampleIndexWriter;
using millrace::write_index;
using millrace::test::read_file;
using millrace::test::ScratchFolder;
using millrace::test::write_bytes;

using Bytes = std::vector<std::uint8_t>;

IndexedShard described(const std::string& name, std::size_t samples, std::uint64_t unit = 512) {
  IndexedShard shard;
  shard.name = name;
  shard.stamp = {1'000'000'000, -5};
  shard.samples = samples;
  shard.damaged = samples > 2 ? 1 : 0;
  shard.skipped = {1, 2, 3, 4, 5};
  shard.probe = 0xfeedbeef;
  shard.sample_offsets.emplace();
  for (std::size_t i = 0; i < samples; ++i) shard.sample_offsets->push_back(i * i * unit);
  shard.columns = {{"json:width", {}}, {"__key__", {}}};
  for (std::size_t i = 0; i < samples; ++i) {
    shard.columns[0].values.push_back(i << 52);
    shard.columns[1].values.push_back(~i);
  }
  return shard;
}

IndexedShard counted(const std::string& name, std::uint64_t samples) {
  IndexedShard shard;
  shard.name = name;
  shard.stamp = {77, 88};
  shard.samples = samples;
  shard.counted_by = "sizes.json";
  return shard;
}

bool are_equal(const IndexedShard& a, const IndexedShard& b) {
  return encode_block(a) == encode_block(b);
}

// An index of these shards, as bytes.
Bytes index_of(const std::vector<IndexedShard>& shards) {
  const ScratchFolder folder;
  std::vector<Bytes> encoded;
  std::vector<IndexBlock> blocks;
  for (const IndexedShard& shard : shards) encoded.push_back(encode_block(shard));
  for (const Bytes& bytes : encoded) blocks.push_back(*IndexBlock::parse(bytes));
  REQUIRE(write_index(folder.path("x.index"), blocks));
  return read_file(folder.path("x.index"));
}

// What an index says, if it says anything: every shard, or nothing.
std::vector<IndexedShard> content_of(const Bytes& bytes) {
  const auto index = SampleIndex::open(memory_source("x.index", bytes));
  if (!index) return {};
  std::vector<IndexedShard> shards;
  for (std::size_t i = 0; i < (*index)->shards(); ++i) {
    const auto block = (*index)->block(i);
    if (!block) return {};
    auto shard = block->decode();
    if (!shard) return {};
    REQUIRE((*index)->samples(i) == shard->samples);
    REQUIRE((*index)->name(i) == shard->name);
    REQUIRE((*index)->stamp(i) == shard->stamp);
    shards.push_back(std::move(*shard));
  }
  return shards;
}

TEST_CASE("a block gives back what was put into it") {
  for (const IndexedShard& shard :
       {described("a.tar", 0), described("a.tar", 1), described("b.tar", 300),
        described("c.jsonl", 40, 1), described("d.tar", 9, 3), counted("e.tar", 1U << 30)}) {
    const Bytes bytes = encode_block(shard);
    const auto block = IndexBlock::parse(bytes);
    REQUIRE(block);
    CHECK(block->bytes().size() == bytes.size());
    CHECK(block->samples() == shard.samples);
    CHECK(block->knows_offsets() == shard.sample_offsets.has_value());
    const auto again = block->decode();
    REQUIRE(again);
    CHECK(again->sample_offsets == shard.sample_offsets);
    CHECK(again->skipped.without_extension == shard.skipped.without_extension);
    CHECK(again->counted_by == shard.counted_by);
    CHECK(again->stamp == shard.stamp);
    CHECK(are_equal(*again, shard));
  }
}

TEST_CASE("a block of contradictions is not written") {
  IndexedShard shard = described("a.tar", 3);
  shard.samples = 4;
  CHECK_THROWS_AS(encode_block(shard), std::invalid_argument);
  shard = described("a.tar", 3);
  std::swap(shard.sample_offsets->front(), shard.sample_offsets->back());
  CHECK_THROWS_AS(encode_block(shard), std::invalid_argument);
  shard = described("a.tar", 3);
  shard.columns[0].values.pop_back();
  CHECK_THROWS_AS(encode_block(shard), std::invalid_argument);
  CHECK_THROWS_AS(encode_block(described("", 3)), std::invalid_argument);
}

TEST_CASE("tar offsets take two or three bytes a sample") {
  IndexedShard shard = described("a.tar", 0);
  shard.columns.clear();
  std::mt19937 random(1);
  std::uint64_t at = 0;
  for (int i = 0; i < 10'000; ++i) {
    shard.sample_offsets->push_back(at);
    at += 512 * (2 + random() % 600);
  }
  shard.samples = 10'000;
  shard.stamp.bytes = at;
  CHECK(encode_block(shard).size() < 10'000 * 2.2);
}

TEST_CASE("an index lists its shards in order and finds them by name") {
  const std::vector<IndexedShard> shards = {described("b.tar", 5), counted("sub/c.tar", 7),
                                            described("a.tar", 2), described("b.tar", 6)};
  const auto index = SampleIndex::open(memory_source("data/x.index", index_of(shards)));
  REQUIRE(index);
  REQUIRE((*index)->shards() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK((*index)->name(i) == shards[i].name);
  CHECK((*index)->path(1) == "data/sub/c.tar");
  CHECK((*index)->find("a.tar") == 2);
  CHECK((*index)->find("b.tar") == 0);
  CHECK((*index)->find("sub/c.tar") == 1);
  CHECK_FALSE((*index)->find("c.tar"));
  CHECK_FALSE((*index)->find("zzz"));
  CHECK((*index)->total_samples() == 20);
  CHECK((*index)->damaged_shards() == 2);
  CHECK((*index)->skipped().duplicate_fields == 15);
  CHECK((*index)->is_damaged(0));
  CHECK_FALSE((*index)->is_damaged(1));
  CHECK_FALSE((*index)->knows_offsets(1));
}

TEST_CASE("an index without shards is one") {
  const auto index = SampleIndex::open(memory_source("x.index", index_of({})));
  REQUIRE(index);
  CHECK((*index)->shards() == 0);
  CHECK_FALSE((*index)->find("a"));
}

TEST_CASE("an index cut anywhere is refused, with its name") {
  const Bytes whole = index_of({described("a.tar", 9), counted("b.tar", 4)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
    const auto index = SampleIndex::open(memory_source("x.index", cut));
    REQUIRE_FALSE(index);
    CHECK(index.error().reason == Reason::damaged_shard);
    CHECK(index.error().shard == "x.index");
  }
}

TEST_CASE("an index with any bit flipped gives an error or the same content") {
  const std::vector<IndexedShard> shards = {described("a.tar", 9), counted("b.tar", 4),
                                            described("c/d.tar", 3)};
  const Bytes whole = index_of(shards);
  REQUIRE(content_of(whole).size() == 3);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const std::vector<IndexedShard> content = content_of(flipped);
    if (content.empty()) continue;
    REQUIRE(content.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(are_equal(content[i], shards[i]));
  }
}

TEST_CASE("an interrupted index is taken up at every byte it may have been cut at") {
  const ScratchFolder folder;
  const std::string path = folder.path("x.index");
  std::vector<IndexedShard> shards;
  std::vector<Bytes> encoded;
  for (int i = 0; i < 4; ++i) {
    shards.push_back(described("s" + std::to_string(i) + ".tar", 5));
    encoded.push_back(encode_block(shards.back()));
  }
  {
    const auto writer = SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::take_up);
    REQUIRE(writer);
    for (const Bytes& block : encoded) REQUIRE((*writer)->add(*IndexBlock::parse(block)));
  }
  const Bytes partial = read_file(path + ".partial");
  REQUIRE(partial.size() == 16 + 4 * encoded[0].size());
  for (std::size_t size = 0; size <= partial.size(); size += millrace::test::kSanitizedStride) {
    write_bytes(path + ".partial", {partial.begin(), partial.begin() + static_cast<long>(size)});
    {
      const auto writer = SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::take_up);
      REQUIRE(writer);
      const std::size_t whole = (*writer)->taken_up().size();
      REQUIRE(whole == (size < 16 ? 0 : (size - 16) / encoded[0].size()));
      std::vector<std::size_t> list;
      for (std::size_t i = 0; i < 4; ++i) {
        list.push_back(i < whole ? i : *(*writer)->add(*IndexBlock::parse(encoded[i])));
      }
      REQUIRE((*writer)->finish(list));
    }
    const std::vector<IndexedShard> content = content_of(read_file(path));
    REQUIRE(content.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(are_equal(content[i], shards[i]));
  }
}

TEST_CASE("two processes do not make the same index at once") {
  const ScratchFolder folder;
  const std::string path = folder.path("x.index");
  const auto first = SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::take_up);
  REQUIRE(first);
  const auto second = SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::take_up);
  REQUIRE_FALSE(second);
  CHECK(second.error().reason == Reason::io_error);
  REQUIRE((*first)->finish({}));
  CHECK(SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::take_up));
}

TEST_CASE("many entries may share a block") {
  const ScratchFolder folder;
  const std::string path = folder.path("x.index");
  const Bytes block = encode_block(counted("a.tar", 10'000));
  {
    const auto writer = SampleIndexWriter::open(path, SampleIndexWriter::Interrupted::discard);
    REQUIRE(writer);
    const std::size_t number = *(*writer)->add(*IndexBlock::parse(block));
    REQUIRE((*writer)->finish(std::vector<std::size_t>(1000, number)));
  }
  const auto index = SampleIndex::open(path);
  REQUIRE(index);
  CHECK((*index)->shards() == 1000);
  CHECK((*index)->total_samples() == 10'000'000);
  CHECK((*index)->block(999)->samples() == 10'000);
  CHECK((*index)->find("a.tar") == 0);
}

TEST_CASE("an index of another version says so") {
  const ScratchFolder folder;
  CHECK_FALSE(SampleIndex::is_index(folder.path("absent")));
  CHECK_FALSE(SampleIndex::is_index(folder.write("short", "abc")));
  CHECK(SampleIndex::is_index(folder.write("begun", "\x89MRI\r\n\x1a\n")));
  const auto none = SampleIndex::open(folder.write("text", std::string(500, 'x')));
  REQUIRE_FALSE(none);
  CHECK(none.error().message == "this is no sample index");
  // The header of version 1, whose blocks knew something else as what an Arrow file unpacks to.
  const std::string first = std::string("\x89MRI\r\n\x1a\n\x01\0\0\0\x79\x30\x83\x3b", 16);
  const auto old = SampleIndex::open(folder.write("old", first + std::string(500, 'x')));
  REQUIRE_FALSE(old);
  CHECK(old.error().message.starts_with("a sample index of version 1; "));
}

}  // namespace
