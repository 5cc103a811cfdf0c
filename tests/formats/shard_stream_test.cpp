#include "millrace/formats/streams/shard_stream.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "golden_samples.h"
#include "millrace/formats/packed/unpack.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "tar_maker.h"

namespace {

using millrace::Error;
using millrace::Reason;
using millrace::Sample;
using millrace::Shard;
using millrace::ShardStream;
using millrace::ShardStreamOptions;
using millrace::StreamBlock;
using millrace::test::ScratchFolder;
using millrace::test::TarMaker;
using Bytes = std::vector<std::uint8_t>;
using Outcome = ShardStream::Outcome;

constexpr std::uint64_t kAll = ~std::uint64_t{0};

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

// One line for each entry, with all that reading it gives.
void add_entries(const Shard& shard, const std::vector<std::uint64_t>& offsets,
                 std::vector<std::string>& lines) {
  Sample sample;
  for (const std::uint64_t offset : offsets) {
    std::string line = std::to_string(offset) + ": ";
    if (const auto read = shard.read(offset, sample); !read) {
      line += read.error().to_string() + " at " + std::to_string(read.error().offset_bytes);
    } else {
      CHECK(sample.begin_bytes() == offset);
      line += std::string(sample.key()) + " to " + std::to_string(sample.end_bytes());
      for (const millrace::Field& field : sample.fields()) {
        line += " " + field.name + "=" + std::string(field.data.begin(), field.data.end());
      }
    }
    lines.push_back(std::move(line));
  }
}

std::string text_of(const millrace::SkippedRecords& skipped) {
  return std::to_string(skipped.not_files) + " " + std::to_string(skipped.meta_members) + " " +
         std::to_string(skipped.apple_members) + " " + std::to_string(skipped.without_extension) +
         " " + std::to_string(skipped.duplicate_fields);
}

struct Content {
  std::vector<std::string> entries;
  std::uint64_t damaged = 0;
  millrace::SkippedRecords skipped;
  std::vector<std::uint64_t> begins;  // of the blocks
  std::vector<std::size_t> counts;
  std::uint64_t end = 0;

  // The same samples, damage and counts, however they lie in blocks.
  bool gives_the_same_as(const Content& other) const {
    return entries == other.entries && damaged == other.damaged &&
           text_of(skipped) == text_of(other.skipped);
  }
};

Content mapped(const std::string& path) {
  const auto shard = millrace::open_shard(path);
  REQUIRE(shard);
  const auto index = (*shard)->index();
  REQUIRE(index);
  Content content;
  add_entries(**shard, index->sample_offsets, content.entries);
  content.damaged = index->damaged;
  content.skipped = index->skipped;
  return content;
}

void add_block(const StreamBlock& block, Content& content) {
  CHECK(block.shard->index()->sample_offsets == block.index.sample_offsets);
  add_entries(*block.shard, block.index.sample_offsets, content.entries);
  content.damaged += block.index.damaged;
  content.skipped.not_files += block.index.skipped.not_files;
  content.skipped.meta_members += block.index.skipped.meta_members;
  content.skipped.apple_members += block.index.skipped.apple_members;
  content.skipped.without_extension += block.index.skipped.without_extension;
  content.skipped.duplicate_fields += block.index.skipped.duplicate_fields;
  content.begins.push_back(block.begin_bytes);
  content.counts.push_back(block.index.sample_offsets.size());
  content.end = block.end_bytes;
}

Content rest_of(ShardStream& stream, std::uint64_t max_samples = kAll,
                std::uint64_t max_bytes = kAll) {
  Content content;
  StreamBlock block;
  bool last = true;
  while (true) {
    const auto outcome = stream.next_block(max_samples, max_bytes, block);
    REQUIRE_MESSAGE(outcome, outcome.error().to_string());
    if (*outcome == Outcome::end) break;
    REQUIRE(*outcome == Outcome::block);
    if (!content.begins.empty() && !last) CHECK(block.begin_bytes == content.end);
    last = block.is_last_of_stream;
    CHECK(block.index.sample_offsets.size() <= max_samples);
    if (block.index.sample_offsets.size() - block.index.damaged > 1) {
      CHECK(block.shard->source().bytes().size() <= max_bytes);
    }
    add_block(block, content);
  }
  CHECK(last);
  return content;
}

Content streamed(const std::string& spec, std::uint64_t max_samples = kAll,
                 std::uint64_t max_bytes = kAll, const ShardStreamOptions& options = {}) {
  auto stream = ShardStream::open({spec}, options);
  REQUIRE(stream);
  return rest_of(**stream, max_samples, max_bytes);
}

// A fifo into which a thread writes.
class Fifo {
 public:
  Fifo(const ScratchFolder& folder, const Bytes& bytes, std::size_t piece)
      : path_(folder.path("fifo" + std::to_string(count_++) + ".tar")) {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    ::signal(SIGPIPE, SIG_IGN);  // of this thread's writes, where a reader gives up early
    writer_ = std::thread([&bytes, piece, path = path_] {
      const int file = ::open(path.c_str(), O_WRONLY);
      for (std::size_t at = 0; at < bytes.size();) {
        const auto put = ::write(file, bytes.data() + at, std::min(piece, bytes.size() - at));
        if (put <= 0) break;
        at += static_cast<std::size_t>(put);
        if (piece < 4096) std::this_thread::yield();
      }
      ::close(file);
    });
  }
  ~Fifo() { writer_.join(); }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::string path_;
  std::thread writer_;
};

// Every kind of member, and blocks of several sizes.
Bytes varied_shard() {
  TarMaker tar;
  tar.pax({"comment=0123456789abcdef"}, 'g');
  tar.file("a.jpg", std::string(700, 'j')).file("a.txt", "caption of a");
  tar.pax({"path=folder/b.jpg", "mtime=1.5"}).file("short", std::string(512, 'k'));
  tar.entry("folder", '5').entry("link.jpg", '2').entry("._x.jpg", '0', "apple");
  tar.long_name(std::string(150, 'n') + ".jpg").file("n", std::string(10'000, 'l'));
  TarMaker::Header link;
  link.name = "hard.jpg";
  link.size = 4000;
  link.type = '1';
  tar.header(link);
  tar.file("noextension", "?").file("c.jpg", "").file("c.txt", "1").file("c.txt", "2");
  tar.pax({"GNU.sparse.map=0,3,100,2", "GNU.sparse.size=150", "GNU.sparse.name=s.bin"});
  tar.file("x", "abcde").file("s.txt", "after");
  tar.pax({"GNU.sparse.map=0,3,100,2", "GNU.sparse.size=15", "GNU.sparse.name=bad.bin"});
  tar.file("x", "abcde").file("z.jpg", std::string(2000, 'z'));
  return tar.end().bytes();
}

const std::vector<std::pair<std::uint64_t, std::uint64_t>>& block_limits() {
  static const std::vector<std::pair<std::uint64_t, std::uint64_t>> limits = {
      {kAll, kAll}, {1, kAll}, {2, kAll}, {3, 1}, {kAll, 4096}, {1000, 20'000}};
  return limits;
}

// The stream's blocks hold what the mapped file does, for every way to cut them and from each of
// them on.
void check_against_mapped(const std::string& path) {
  CAPTURE(path);
  const Content whole = mapped(path);
  for (const auto& [max_samples, max_bytes] : block_limits()) {
    const Content blocks = streamed(path, max_samples, max_bytes);
    CHECK(blocks.entries == whole.entries);
    CHECK(blocks.gives_the_same_as(whole));
    std::size_t passed = 0;
    const std::size_t stride = blocks.begins.size() / 8 + 1;  // reading on from each is quadratic
    for (std::size_t i = 0; i < blocks.begins.size(); passed += blocks.counts[i++]) {
      if (i % stride != 0 && i + 1 != blocks.begins.size()) continue;
      auto stream = ShardStream::open({path});
      REQUIRE(stream);
      REQUIRE((*stream)->skip_to(0, blocks.begins[i]));
      const Content rest = rest_of(**stream, max_samples, max_bytes);
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

std::vector<std::string> samples_of(const Content& content) {
  std::vector<std::string> samples;
  for (const std::string& line : content.entries) {
    if (line.find(": damaged_shard: ") == std::string::npos) samples.push_back(line);
  }
  return samples;
}

// Damaged compression is a place of its own in a stream.
void check_samples_against_mapped(const std::string& path) {
  CAPTURE(path);
  const Content whole = mapped(path);
  for (const auto& [max_samples, max_bytes] : block_limits()) {
    const Content blocks = streamed(path, max_samples, max_bytes);
    CHECK(samples_of(blocks) == samples_of(whole));
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
    check_against_mapped(folder.write(
        "cut.tar",
        text_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))));
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
  const auto data = millrace::test::reference_data("tar zoo");
  if (!data) return;
  const auto zoo = *data / "tar_zoo";
  std::size_t refused = 0;
  millrace::test::for_each_zoo_row(zoo / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::string path = (zoo / std::string_view(row["file"])).string();
    const auto shard = millrace::open_shard(path);
    if (shard) {
      const auto file = millrace::map_file(path);
      const bool compressed = !millrace::compression_of((*file)->bytes()).empty();
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
      const Content whole = streamed(path, max_samples, max_bytes);
      for (const std::size_t piece : {std::size_t{1}, std::size_t{333}, bytes.size()}) {
        if (piece == 1 && max_samples != 2) continue;
        const Fifo fifo(folder, bytes, piece);
        Content pieces = streamed(fifo.path(), max_samples, max_bytes);
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
  for (const std::string& compression : millrace::test::compressions()) {
    CAPTURE(compression);
    const std::string packed = millrace::test::compressed(compression, text_of(bytes));
    check_against_mapped(folder.write("whole.tar", packed));
    const std::string path = folder.write("a.tar", packed);
    const Content whole = streamed(path, 3);
    for (const std::size_t piece : {std::size_t{1}, packed.size()}) {
      const Bytes packed_bytes(packed.begin(), packed.end());
      const Fifo fifo(folder, packed_bytes, piece);
      const Content pieces = streamed(fifo.path(), 3);
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

TEST_CASE("a failing download of a compressed stream is told as the reason of its end") {
  const ScratchFolder folder;
  const std::string path =
      folder.write("a.tar.gz", millrace::test::compressed("gzip", text_of(varied_shard())));
  const Content whole = streamed("pipe:cat " + path, 3, kAll, {.allow_commands = true});
  CHECK(whole.gives_the_same_as(streamed("pipe:cat " + path, 1, kAll, {.allow_commands = true})));
  CHECK(samples_of(whole).size() == samples_of(mapped(path)).size());
  const Content cut =
      streamed("pipe:head -c 400 " + path + "; exit 7", kAll, kAll, {.allow_commands = true});
  CHECK(cut.entries.back().find("io_error: the command failed with exit status 7") !=
        std::string::npos);
}

TEST_CASE("a stream that is a bomb ends with damage that names the limit") {
  const ScratchFolder folder;
  TarMaker tar;
  tar.file("a.txt", "first");
  const std::string zeros(std::size_t{16} << 20, '\0');
  std::string bomb = millrace::test::compressed("zstd", text_of(tar.bytes()));
  const std::string member = millrace::test::compressed("zstd", zeros);
  for (int i = 0; i < 64; ++i) bomb += member;
  const Content content = streamed(folder.write("bomb.tar.zst", bomb));
  REQUIRE(content.entries.size() == 2);
  CHECK(content.entries[1].find("max_unpack_ratio (200)") != std::string::npos);
}

TEST_CASE("a fifo is skipped through to a block's beginning, and not beyond its end") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  const Content whole = streamed(folder.write("a.tar", text_of(bytes)), 2);
  REQUIRE(whole.begins.size() > 2);
  {
    const Fifo fifo(folder, bytes, 1000);
    auto stream = ShardStream::open({fifo.path()});
    REQUIRE((*stream)->skip_to(0, whole.begins[2]));
    const Content rest = rest_of(**stream, 2);
    CHECK(std::equal(rest.begins.begin(), rest.begins.end(), whole.begins.begin() + 2,
                     whole.begins.end()));
  }
  const std::string size = std::to_string(bytes.size());
  const std::string message = "the stream ends at byte " + size +
                              ", before byte 1000000, where "
                              "reading was to go on";
  const Fifo fifo(folder, bytes, 1000);
  for (const std::string& path : {fifo.path(), folder.path("a.tar")}) {
    auto stream = ShardStream::open({path});
    const auto skipped = (*stream)->skip_to(0, 1'000'000);
    REQUIRE_FALSE(skipped);
    CHECK(skipped.error().message == message);
    CHECK(skipped.error().shard == path);
    StreamBlock block;
    CHECK(*(*stream)->next_block(1, 1, block) == Outcome::end);
  }
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
    const Content content = streamed(path, kAll, kAll, options);
    REQUIRE(content.entries.size() == 2);
    CHECK(content.damaged == 1);
    CHECK(content.entries[1].find("byte 1024, key \"b\"") != std::string::npos);
    CHECK(content.entries[1].find("max_sample_bytes = " + std::to_string(limit)) !=
          std::string::npos);
    const Fifo fifo(folder, tar.bytes(), 100);
    const Content pieces = streamed(fifo.path(), kAll, kAll, options);
    CHECK(pieces.begins == content.begins);
    CHECK(pieces.end == content.end);
    CHECK(pieces.entries.size() == 2);
    CHECK(pieces.entries[0] == content.entries[0]);
  }
}

TEST_CASE("a command runs only if that is allowed") {
  const ScratchFolder folder;
  const std::string mark = folder.path("mark");
  const auto refused = ShardStream::open({"pipe:touch " + mark});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "pipe: would run a command, which is refused unless allow_commands is set");
  CHECK(::access(mark.c_str(), F_OK) != 0);
}

TEST_CASE("a command's output is a shard, and its failure is damage at the stream's end") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  const std::string path = folder.write("a.tar", text_of(bytes));
  const ShardStreamOptions allowed = {.allow_commands = true};
  const Content whole = mapped(path);
  Content good = streamed("pipe:cat " + path, 3, kAll, allowed);
  CHECK(good.entries.size() == whole.entries.size());
  CHECK(good.damaged == whole.damaged);
  CHECK(good.end == bytes.size());

  const std::string at_end = std::to_string(bytes.size()) + ": ";
  for (const auto& [command, what] : std::map<std::string, std::string>{
           {"exit 22", "the command failed with exit status 22"},
           {"kill -9 $$", "the command was killed by signal 9 (Killed)"},
           {"exec >&-; sleep 0.05; exit 3", "the command failed with exit status 3"}}) {
    for (const std::uint64_t max_samples : {kAll, std::uint64_t{1}}) {
      const Content content =
          streamed("pipe:cat " + path + "; " + command, max_samples, kAll, allowed);
      REQUIRE(content.entries.size() == whole.entries.size() + 1);
      CHECK(content.damaged == whole.damaged + 1);
      CHECK(content.entries.back().starts_with(at_end));
      CHECK(content.entries.back().find("io_error: " + what) != std::string::npos);
    }
  }
  // The cut and its cause lie at the same place: one damaged place, and the cause is told.
  const Content between = streamed("pipe:head -c 3584 " + path + "; exit 1", kAll, kAll, allowed);
  CHECK(between.damaged == 1);
  CHECK(between.entries.back().find("exit status 1") != std::string::npos);
  const Content inside = streamed("pipe:head -c 1600 " + path + "; exit 1", kAll, kAll, allowed);
  CHECK(inside.damaged == 2);
  const Content nothing = streamed("pipe:exit 6", kAll, kAll, allowed);
  CHECK(nothing.entries.size() == 1);
  CHECK(nothing.entries[0].find("exit status 6") != std::string::npos);
}

TEST_CASE("skipping to any block of a failing command gives its rest") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  const std::string spec =
      "pipe:cat " + folder.write("a.tar", text_of(bytes) + text_of(bytes)) + "; exit 5";
  const ShardStreamOptions allowed = {.allow_commands = true};
  for (const std::uint64_t max_samples : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{5}}) {
    const Content whole = streamed(spec, max_samples, kAll, allowed);
    std::size_t passed = 0;
    for (std::size_t i = 0; i < whole.begins.size(); ++i) {
      auto stream = ShardStream::open({spec}, allowed);
      REQUIRE((*stream)->skip_to(0, whole.begins[i]));
      const Content rest = rest_of(**stream, max_samples);
      CHECK(std::equal(rest.entries.begin(), rest.entries.end(),
                       whole.entries.begin() + static_cast<std::ptrdiff_t>(passed),
                       whole.entries.end()));
      passed += whole.counts[i];
    }
  }
}

TEST_CASE("a command that nobody reads any longer is killed with all that it started") {
  const ScratchFolder folder;
  const std::string tar =
      folder.write("a.tar", text_of(TarMaker().file("a.jpg", "1").file("b.jpg", "2").bytes()));
  const std::string pid_file = folder.path("pid");
  const std::string spec =
      "pipe:cat " + tar + "; sh -c 'echo $$ > " + pid_file + "; exec sleep 1000' | cat";
  auto stream = ShardStream::open({spec}, {.allow_commands = true});
  StreamBlock block;
  REQUIRE(*(*stream)->next_block(1, kAll, block) == Outcome::block);
  pid_t sleeper = 0;
  while (sleeper == 0) {
    if (std::FILE* file = std::fopen(pid_file.c_str(), "r")) {
      if (std::fscanf(file, "%d", &sleeper) != 1) sleeper = 0;
      std::fclose(file);
    }
  }
  stream->reset();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto alive = [&] {  // a process that nobody waits for is no longer one
    const std::string state = "/proc/" + std::to_string(sleeper) + "/stat";
    std::FILE* file = std::fopen(state.c_str(), "r");
    if (file == nullptr) return false;
    char kind = 'Z';
    const int read = std::fscanf(file, "%*d %*s %c", &kind);
    std::fclose(file);
    return read == 1 && kind != 'Z';
  };
  while (alive() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK_FALSE(alive());
}

TEST_CASE("a reader that waits for a silent stream can be stopped") {
  const ScratchFolder folder;
  const std::string never_written = folder.path("fifo");
  REQUIRE(::mkfifo(never_written.c_str(), 0600) == 0);
  const std::string tar = folder.write("a.tar", text_of(TarMaker().file("a.jpg", "1").bytes()));
  for (const std::string& spec :
       {never_written, "pipe:cat " + tar + "; sleep 1000",
        "pipe:cat " + tar + "; head -c 1024 /dev/zero; exec >&-; sleep 1000"}) {
    CAPTURE(spec);
    auto stream = ShardStream::open({spec}, {.allow_commands = true});
    StreamBlock block;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      (*stream)->request_stop();
    });
    const auto outcome = (*stream)->next_block(10, kAll, block);
    stopper.join();
    REQUIRE(outcome);
    CHECK(*outcome == Outcome::stopped);
    CHECK(*(*stream)->next_block(10, kAll, block) == Outcome::stopped);
  }
  auto stream = ShardStream::open({never_written});
  std::thread stopper([&] { (*stream)->request_stop(); });
  CHECK((*stream)->skip_to(0, 512));
  stopper.join();
}

TEST_CASE("standard input is read from where it stands, and once") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  const std::string before(1000, 'b');
  const std::string path = folder.write("a.tar", text_of(bytes));
  const std::string with_prefix = folder.write("prefix.tar", before + text_of(bytes));
  const Content whole = streamed(path, 2);
  const int saved = ::dup(STDIN_FILENO);
  for (const bool skips : {false, true}) {
    const int file = ::open(with_prefix.c_str(), O_RDONLY);
    REQUIRE(file >= 0);
    REQUIRE(::lseek(file, 1000, SEEK_SET) == 1000);
    REQUIRE(::dup2(file, STDIN_FILENO) == STDIN_FILENO);
    ::close(file);
    auto stream = ShardStream::open({"-"});
    const std::size_t first = skips ? 1 : 0;
    if (skips) REQUIRE((*stream)->skip_to(0, whole.begins[1]));
    const Content content = rest_of(**stream, 2);
    CHECK(std::equal(content.begins.begin(), content.begins.end(),
                     whole.begins.begin() + static_cast<std::ptrdiff_t>(first),
                     whole.begins.end()));
    CHECK(content.end == whole.end);
    const auto again = (*stream)->skip_to(0, 0);
    REQUIRE_FALSE(again);
    CHECK(again.error().message == "standard input cannot be read a second time");
  }
  if (saved >= 0) {
    ::dup2(saved, STDIN_FILENO);
    ::close(saved);
  }
}

}  // namespace
