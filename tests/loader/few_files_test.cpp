// A process may have few files open, and the application has some of its own: no sample is lost for
// that.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/loader/loader.h"
#include "scratch_folder.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using test::ScratchFolder;

std::size_t open_files() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

// Files that an application holds, and what the process may have, for as long as this lives.
class FewFiles {
 public:
  explicit FewFiles(rlim_t most) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit few = {most, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  ~FewFiles() {
    for (const int file : taken_) ::close(file);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

  /// Takes files until so many are left.
  void leave(std::size_t left) {
    for (int file = 0; (file = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) {
      taken_.push_back(file);
    }
    for (; left > 0; --left) {
      ::close(taken_.back());
      taken_.pop_back();
    }
  }

 private:
  rlimit before_ = {};
  std::vector<int> taken_;
};

constexpr int kShards = 150;

// Two sources of many small tables each, whose images are files.
LoaderOptions many_tables(const ScratchFolder& scratch) {
  LoaderOptions options;
  for (const char* const name : {"a", "b"}) {
    const std::string source = name;
    for (int shard = 0; shard < kShards; ++shard) {
      std::string rows;
      for (int row = 0; row < 2; ++row) {
        const std::string image = source + std::to_string(2 * shard + row) + ".jpg";
        scratch.write(source + "/" + image, image);
        rows += R"({"image": ")" + image + R"("})" + "\n";
      }
      scratch.write(source + "/" + std::to_string(1000 + shard) + ".jsonl", rows);
    }
    MixtureSource part;
    part.sources = {scratch.path(source + "/*.jsonl")};
    options.mixture.push_back(part);
  }
  options.columns = {{"image", raw("image")}};
  options.use_index = false;
  options.shuffle = true;
  options.batch_size = 20;
  options.threads = 4;
  options.seed = 3;
  return options;
}

void check_epoch(Loader& loader, const std::function<void()>& after_batch) {
  while (loader.next()) after_batch();
  const Ledger ledger = loader.ledger();
  CHECK(ledger.delivered == 4 * kShards);
  for (const Error& error : ledger.errors) CHECK(error.to_string() == "");
}

TEST_CASE("open shards leave half of the files that a process may have to the application") {
  const ScratchFolder scratch;
  const LoaderOptions options = many_tables(scratch);
  const std::size_t before = open_files();
  const FewFiles few(256);
  std::size_t most = 0;
  Loader loader(options);
  check_epoch(loader, [&] { most = std::max(most, open_files()); });
  CHECK(most > before);
  CHECK(most - before <= 128);
}

TEST_CASE("where the application has nearly all files, shards are let go of and nothing is lost") {
  const ScratchFolder scratch;
  const LoaderOptions options = many_tables(scratch);
  FewFiles few(400);
  Loader loader(options);
  few.leave(24);
  check_epoch(loader, [] {});
}

TEST_CASE("tables whose images lie below one folder share its descriptor") {
  const ScratchFolder scratch;
  for (int i = 0; i < 3; ++i) {
    scratch.write("tables/" + std::to_string(i) + ".jsonl", R"({"image": "a.jpg"})");
  }
  ReadOptions options;
  options.image_root = scratch.path("images");
  fs::create_directories(options.image_root);
  scratch.write("images/a.jpg", "A");
  const std::size_t before = open_files();
  std::vector<std::shared_ptr<const Shard>> shards;
  for (int i = 0; i < 3; ++i) {
    const auto shard = open_shard(scratch.path("tables/" + std::to_string(i) + ".jsonl"), options);
    REQUIRE(shard);
    shards.push_back(*shard);
  }
  CHECK(open_files() == before + 4);
  // A folder that has taken the other's place is another one.
  fs::rename(options.image_root, scratch.path("old"));
  scratch.write("images/a.jpg", "B");
  const auto later = open_shard(scratch.path("tables/0.jsonl"), options);
  REQUIRE(later);
  Sample sample;
  REQUIRE((*later)->read(0, sample));
  CHECK(sample.find("image")->data[0] == 'B');
  REQUIRE(shards[0]->read(0, sample));
  CHECK(sample.find("image")->data[0] == 'A');
}

}  // namespace
}  // namespace millrace
