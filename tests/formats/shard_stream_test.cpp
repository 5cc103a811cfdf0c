// What a stream gives is what the mapped file gives.

#include "millrace/formats/streams/shard_stream.h"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "golden_samples.h"
#include "millrace/formats/packed/unpack.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "streamed_content.h"
#include "tar_maker.h"
#include "text.h"

namespace millrace::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Outcome = ShardStream::Outcome;

const std::vector<std::pair<std::uint64_t, std::uint64_t>>& block_limits() {
  static const std::vector<std::pair<std::uint64_t, std::uint64_t>> limits = {
      {kAll, kAll}, {1, kAll}, {2, kAll}, {3, 1}, {kAll, 4096}, {1000, 20'000}};
  return limits;
}

// The stream's blocks hold what the mapped file does, for every way to cut them and from each of
// them on.
void check_against_mapped(const std::string& path) {
  CAPTURE(path);
  const StreamContent whole = mapped(path);
  for (const auto& [max_samples, max_bytes] : block_limits()) {
    const StreamContent blocks = streamed(path, max_samples, max_bytes);
    CHECK(blocks.entries == whole.entries);
    CHECK(blocks.gives_the_same_as(whole));
    std::size_t passed = 0;
    const std::size_t stride = blocks.begins.size() / 8 + 1;  // reading on from each is quadratic
    for (std::size_t i = 0; i < blocks.begins.size(); passed += blocks.counts[i++]) {
      if (i % stride != 0 && i + 1 != blocks.begins.size()) continue;
      auto stream = ShardStream::open({path});
      REQUIRE(stream);
      REQUIRE((*stream)->skip_to(0, blocks.begins[i]));
      const StreamContent rest = rest_of(**stream, max_samples, max_bytes);
      CHECK(std::equal(rest.entries.begin(), rest.entries.end(),
                       whole.entries.begin() + static_cast<std::ptrdiff_t>(passed),
                       whole.entries.end()));
      CHECK(std::equal(rest.begins.begin(), rest.begins.end(),
                       blocks.begins.begin() + static_cast<std::ptrdiff_t>(i),
                       blocks.begins.end()));
      CHECK(rest.end == blocks.end);
    }
  }
}

// Damaged compression is a place of its own in a stream.
void check_samples_against_mapped(const std::string& path) {
  CAPTURE(path);
  const StreamContent whole = mapped(path);
  for (const auto& [max_samples, max_bytes] : block_limits()) {
    const StreamContent blocks = streamed(path, max_samples, max_bytes);
    CHECK(blocks.samples() == whole.samples());
    CHECK(blocks.damaged >= 1);
    CHECK(blocks.damaged <= whole.damaged + 1);
    CHECK(blocks.entries.back().find(": damaged_shard: ") != std::string::npos);
  }
}

TEST_CASE("a stream gives the samples, the damage and the counts of the mapped file") {
  const ScratchFolder folder;
  check_against_mapped(folder.write("varied.tar", text_of(varied_shard())));
  check_against_mapped(folder.write("empty.tar", ""));
  check_against_mapped(folder.write("zeros.tar", std::string(1024, '\0')));
  check_against_mapped(folder.write("noise.tar", std::string(3000, 'x')));
  const Bytes whole = varied_shard();
  for (std::size_t size = 0; size < whole.size(); size += 256 - (size % 512 == 0 ? 1 : 0)) {
    check_against_mapped(folder.write("cut.tar", text_of(std::span(whole).first(size))));
  }
  for (std::size_t at = 0; at < whole.size(); at += 512) {
    Bytes damaged = whole;
    damaged[at] ^= 1;
    check_against_mapped(folder.write("damaged.tar", text_of(damaged)));
  }
  const std::string two = text_of(whole) + std::string(700, 'n') + text_of(whole);
  check_against_mapped(folder.write("two.tar", two));
  check_against_mapped(folder.write("second.tar", text_of(whole) + text_of(whole) + "tail"));
}

TEST_CASE("every shard of the zoo gives as a stream what it gives when it is mapped") {
  const auto data = reference_data("tar zoo");
  if (!data) return;
  const auto zoo = *data / "tar_zoo";
  std::size_t refused = 0;
  for_each_zoo_row(zoo / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::string path = (zoo / std::string_view(row["file"])).string();
    const auto shard = open_shard(path);
    if (shard) {
      const auto file = map_file(path);
      const bool compressed = !compression_of((*file)->bytes()).empty();
      const bool damaged = mapped(path).damaged > 0;
      return compressed && damaged ? check_samples_against_mapped(path)
                                   : check_against_mapped(path);
    }
    ++refused;
    auto stream = ShardStream::open({path});
    REQUIRE(stream);
    StreamBlock block;
    const auto outcome = (*stream)->next_block(1, 1, block);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().to_string() == shard.error().to_string());
    CHECK(*(*stream)->next_block(1, 1, block) == Outcome::end);
  });
  CHECK(refused > 0);
}

TEST_CASE("how the bytes arrive changes nothing") {
  const ScratchFolder folder;
  Bytes damaged = varied_shard();
  damaged[damaged.size() - 1024 - 2560] ^= 1;
  Bytes cut = varied_shard();
  cut.resize(cut.size() - 1700);
  Bytes second = varied_shard();
  const Bytes first = second;
  second.insert(second.end(), 300, 'x');
  second.insert(second.end(), first.begin(), first.end());
  second.insert(second.end(), first.begin(), first.end());
  for (const Bytes& bytes : {first, damaged, cut, second}) {
    const std::string path = folder.write("a.tar", text_of(bytes));
    for (const auto& [max_samples, max_bytes] : block_limits()) {
      const StreamContent whole = streamed(path, max_samples, max_bytes);
      for (const std::size_t piece : {std::size_t{1}, std::size_t{333}, bytes.size()}) {
        if (piece == 1 && max_samples != 2) continue;
        const Fifo fifo(folder, bytes, piece);
        StreamContent pieces = streamed(fifo.path(), max_samples, max_bytes);
        CHECK(pieces.begins == whole.begins);
        CHECK(pieces.counts == whole.counts);
        CHECK(pieces.end == whole.end);
        for (std::string& line : pieces.entries) {
          if (const auto at = line.find(fifo.path()); at != std::string::npos) {
            line.replace(at, fifo.path().size(), path);
          }
        }
        CHECK(pieces.gives_the_same_as(whole));
      }
    }
  }
}

TEST_CASE("a compressed stream gives what the mapped file does, from any block on") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  for (const std::string& compression : compressions()) {
    CAPTURE(compression);
    const std::string packed = compressed(compression, text_of(bytes));
    check_against_mapped(folder.write("whole.tar", packed));
    const std::string path = folder.write("a.tar", packed);
    const StreamContent whole = streamed(path, 3);
    for (const std::size_t piece : {std::size_t{1}, packed.size()}) {
      const Bytes packed_bytes(packed.begin(), packed.end());
      const Fifo fifo(folder, packed_bytes, piece);
      const StreamContent pieces = streamed(fifo.path(), 3);
      CHECK(pieces.begins == whole.begins);
      CHECK(pieces.counts == whole.counts);
      CHECK(pieces.end == whole.end);
    }
    if (compression == "compress") continue;  // which has no end that could be missing
    for (std::size_t size = 600; size < packed.size(); size += packed.size() / 5) {
      check_samples_against_mapped(folder.write("cut.tar", packed.substr(0, size)));
    }
  }
}

TEST_CASE("a stream that is a bomb ends with damage that names the limit") {
  const ScratchFolder folder;
  TarMaker tar;
  tar.file("a.txt", "first");
  const std::string zeros(std::size_t{16} << 20, '\0');
  std::string bomb = compressed("zstd", text_of(tar.bytes()));
  const std::string member = compressed("zstd", zeros);
  for (int i = 0; i < 64; ++i) bomb += member;
  const StreamContent content = streamed(folder.write("bomb.tar.zst", bomb));
  REQUIRE(content.entries.size() == 2);
  CHECK(content.entries[1].find("max_unpack_ratio (200)") != std::string::npos);
}

TEST_CASE("several streams follow each other, a key never spans two, and a lost one is an error") {
  const ScratchFolder folder;
  const std::string one =
      folder.write("1.tar", text_of(TarMaker().file("a.jpg", "1").end().bytes()));
  const std::string two =
      folder.write("2.tar", text_of(TarMaker().file("a.txt", "2").end().bytes()));
  auto stream = ShardStream::open({one, folder.path("missing.tar"), folder.path(""), two});
  REQUIRE(stream);
  CHECK((*stream)->streams() == 4);
  CHECK((*stream)->name(3) == two);
  StreamBlock block;
  CHECK(*(*stream)->next_block(10, kAll, block) == Outcome::block);
  CHECK(block.index.sample_offsets.size() == 1);
  CHECK(block.is_last_of_stream);
  CHECK(block.end_bytes == 2048);
  const auto missing = (*stream)->next_block(10, kAll, block);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == "cannot open: No such file or directory");
  CHECK(missing.error().shard == folder.path("missing.tar"));
  const auto not_a_file = (*stream)->next_block(10, kAll, block);
  REQUIRE_FALSE(not_a_file);
  CHECK(not_a_file.error().message == "cannot read: it is a folder");
  CHECK(*(*stream)->next_block(10, kAll, block) == Outcome::block);
  CHECK(block.stream == 3);
  CHECK(block.shard->name() == two);
  Sample sample;
  stream->reset();  // a block outlives its stream
  REQUIRE(block.shard->read(0, sample));
  CHECK(sample.key() == "a");
  CHECK(sample.find("jpg") == nullptr);
}

TEST_CASE("wrong arguments are refused by name") {
  auto stream = ShardStream::open({"a", "b"});
  StreamBlock block;
  CHECK_THROWS_AS((*stream)->next_block(0, 1, block), std::invalid_argument);
  CHECK_THROWS_AS((*stream)->next_block(1, 0, block), std::invalid_argument);
  CHECK_THROWS_AS((*stream)->skip_to(2, 0), std::invalid_argument);
  CHECK_THROWS_AS(ShardStream::open({"a"}, {.max_sample_bytes = 0}), std::invalid_argument);
  CHECK_FALSE(ShardStream::open({"-", "a", "-"}));
}

TEST_CASE("a sample that is too large is an error that names the option, however it arrives") {
  const ScratchFolder folder;
  TarMaker tar;
  tar.file("a.jpg", "1").file("b.jpg", std::string(9000, 'b')).file("b.txt", "2");
  tar.file("c.txt", "3").end();
  const std::string path = folder.write("a.tar", text_of(tar.bytes()));
  // b spans 9728 + 1024 bytes, and a header follows.
  const ShardStreamOptions enough = {.max_sample_bytes = 9728 + 1024 + 512};
  CHECK(streamed(path, kAll, kAll, enough).damaged == 0);
  for (const std::uint64_t limit : {std::uint64_t{2000}, enough.max_sample_bytes - 1}) {
    const ShardStreamOptions options = {.max_sample_bytes = limit};
    const StreamContent content = streamed(path, kAll, kAll, options);
    REQUIRE(content.entries.size() == 2);
    CHECK(content.damaged == 1);
    CHECK(content.entries[1].find("byte 1024, key \"b\"") != std::string::npos);
    CHECK(content.entries[1].find("max_sample_bytes = " + std::to_string(limit)) !=
          std::string::npos);
    const Fifo fifo(folder, tar.bytes(), 100);
    const StreamContent pieces = streamed(fifo.path(), kAll, kAll, options);
    CHECK(pieces.begins == content.begins);
    CHECK(pieces.end == content.end);
    CHECK(pieces.entries.size() == 2);
    CHECK(pieces.entries[0] == content.entries[0]);
  }
}

}  // namespace
}  // namespace millrace::test
