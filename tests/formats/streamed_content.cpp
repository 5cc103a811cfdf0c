#include "streamed_content.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <doctest/doctest.h>

#include "tar_maker.h"
#include "text.h"

namespace millrace::test {

namespace {

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
      for (const Field& field : sample.fields()) {
        line += " " + field.name + "=" + text_of(field.data);
      }
    }
    lines.push_back(std::move(line));
  }
}

std::string described(const SkippedRecords& skipped) {
  return std::to_string(skipped.not_files) + " " + std::to_string(skipped.meta_members) + " " +
         std::to_string(skipped.apple_members) + " " + std::to_string(skipped.without_extension) +
         " " + std::to_string(skipped.duplicate_fields);
}

void add_block(const StreamBlock& block, StreamContent& content) {
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

}  // namespace

bool StreamContent::gives_the_same_as(const StreamContent& other) const {
  return entries == other.entries && damaged == other.damaged &&
         described(skipped) == described(other.skipped);
}

std::vector<std::string> StreamContent::samples() const {
  std::vector<std::string> samples;
  for (const std::string& line : entries) {
    if (line.find(": damaged_shard: ") == std::string::npos) samples.push_back(line);
  }
  return samples;
}

StreamContent mapped(const std::string& path) {
  const auto shard = open_shard(path);
  REQUIRE(shard);
  const auto index = (*shard)->index();
  REQUIRE(index);
  StreamContent content;
  add_entries(**shard, index->sample_offsets, content.entries);
  content.damaged = index->damaged;
  content.skipped = index->skipped;
  return content;
}

StreamContent rest_of(ShardStream& stream, std::uint64_t max_samples, std::uint64_t max_bytes) {
  StreamContent content;
  StreamBlock block;
  bool last = true;
  while (true) {
    const auto outcome = stream.next_block(max_samples, max_bytes, block);
    REQUIRE_MESSAGE(outcome, outcome.error().to_string());
    if (*outcome == ShardStream::Outcome::end) break;
    REQUIRE(*outcome == ShardStream::Outcome::block);
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

StreamContent streamed(const std::string& spec, std::uint64_t max_samples, std::uint64_t max_bytes,
                       const ShardStreamOptions& options) {
  auto stream = ShardStream::open({spec}, options);
  REQUIRE(stream);
  return rest_of(**stream, max_samples, max_bytes);
}

Fifo::Fifo(const ScratchFolder& folder, const std::vector<std::uint8_t>& bytes, std::size_t piece)
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

Fifo::~Fifo() { writer_.join(); }

std::vector<std::uint8_t> varied_shard() {
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

}  // namespace millrace::test
