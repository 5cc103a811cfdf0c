// Streams that something else writes: fifos, commands, standard input.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "millrace/formats/streams/shard_stream.h"
#include "scratch_folder.h"
#include "streamed_content.h"
#include "tar_maker.h"
#include "text.h"

namespace millrace::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Outcome = ShardStream::Outcome;

TEST_CASE("a stream of a compression that nobody here reads is refused by its name") {
  const ScratchFolder folder;
  const std::string lzop = std::string("\x89LZO\0", 5) + std::string(2000, 'x');
  const std::string path = folder.write("a.tar.lzo", lzop);
  const Bytes bytes(lzop.begin(), lzop.end());
  const Fifo fifo(folder, bytes, 3);
  const ShardStreamOptions allowed = {.allow_commands = true};
  for (const std::string& spec : {path, fifo.path(), "pipe:cat " + path}) {
    CAPTURE(spec);
    auto stream = ShardStream::open({spec}, allowed);
    REQUIRE(stream);
    StreamBlock block;
    const auto outcome = (*stream)->next_block(kAll, kAll, block);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().reason == Reason::io_error);
    CHECK(outcome.error().shard == spec);
    CHECK(outcome.error().message == "compression with lzop is not read; decompress it first");
    CHECK(*(*stream)->next_block(kAll, kAll, block) == Outcome::end);
  }
  auto stream = ShardStream::open({path, path});
  const auto skipped = (*stream)->skip_to(1, 512);
  REQUIRE_FALSE(skipped);
  CHECK(skipped.error().message == "compression with lzop is not read; decompress it first");
}

TEST_CASE("a failing download of a compressed stream is told as the reason of its end") {
  const ScratchFolder folder;
  const std::string path = folder.write("a.tar.gz", compressed("gzip", text_of(varied_shard())));
  const StreamContent whole = streamed("pipe:cat " + path, 3, kAll, {.allow_commands = true});
  CHECK(whole.gives_the_same_as(streamed("pipe:cat " + path, 1, kAll, {.allow_commands = true})));
  CHECK(whole.samples().size() == mapped(path).samples().size());
  const StreamContent cut =
      streamed("pipe:head -c 400 " + path + "; exit 7", kAll, kAll, {.allow_commands = true});
  CHECK(cut.entries.back().find("io_error: the command failed with exit status 7") !=
        std::string::npos);
}

TEST_CASE("a fifo is skipped through to a block's beginning, and not beyond its end") {
  const ScratchFolder folder;
  const Bytes bytes = varied_shard();
  const StreamContent whole = streamed(folder.write("a.tar", text_of(bytes)), 2);
  REQUIRE(whole.begins.size() > 2);
  {
    const Fifo fifo(folder, bytes, 1000);
    auto stream = ShardStream::open({fifo.path()});
    REQUIRE((*stream)->skip_to(0, whole.begins[2]));
    const StreamContent rest = rest_of(**stream, 2);
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
  const StreamContent whole = mapped(path);
  StreamContent good = streamed("pipe:cat " + path, 3, kAll, allowed);
  CHECK(good.entries.size() == whole.entries.size());
  CHECK(good.damaged == whole.damaged);
  CHECK(good.end == bytes.size());

  const std::string at_end = std::to_string(bytes.size()) + ": ";
  for (const auto& [command, what] : std::map<std::string, std::string>{
           {"exit 22", "the command failed with exit status 22"},
           {"kill -9 $$", "the command was killed by signal 9 (Killed)"},
           {"exec >&-; sleep 0.05; exit 3", "the command failed with exit status 3"}}) {
    for (const std::uint64_t max_samples : {kAll, std::uint64_t{1}}) {
      const StreamContent content =
          streamed("pipe:cat " + path + "; " + command, max_samples, kAll, allowed);
      REQUIRE(content.entries.size() == whole.entries.size() + 1);
      CHECK(content.damaged == whole.damaged + 1);
      CHECK(content.entries.back().starts_with(at_end));
      CHECK(content.entries.back().find("io_error: " + what) != std::string::npos);
    }
  }
  // The cut and its cause lie at the same place: one damaged place, and the cause is told.
  const StreamContent between =
      streamed("pipe:head -c 3584 " + path + "; exit 1", kAll, kAll, allowed);
  CHECK(between.damaged == 1);
  CHECK(between.entries.back().find("exit status 1") != std::string::npos);
  const StreamContent inside =
      streamed("pipe:head -c 1600 " + path + "; exit 1", kAll, kAll, allowed);
  CHECK(inside.damaged == 2);
  const StreamContent nothing = streamed("pipe:exit 6", kAll, kAll, allowed);
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
    const StreamContent whole = streamed(spec, max_samples, kAll, allowed);
    std::size_t passed = 0;
    for (std::size_t i = 0; i < whole.begins.size(); ++i) {
      auto stream = ShardStream::open({spec}, allowed);
      REQUIRE((*stream)->skip_to(0, whole.begins[i]));
      const StreamContent rest = rest_of(**stream, max_samples);
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
  const StreamContent whole = streamed(path, 2);
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
    const StreamContent content = rest_of(**stream, 2);
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
}  // namespace millrace::test
