// Reading files by names that come from data: what is below the folder, and nothing else.

#include "millrace/formats/images/rooted_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include <doctest/doctest.h>

#include "scratch_folder.h"
#include "text.h"

namespace {

namespace fs = std::filesystem;

using millrace::Error;
using millrace::Reason;
using millrace::RootedFolder;
using millrace::Sample;
using millrace::test::contains;
using millrace::test::ScratchFolder;
using millrace::test::text_of;
using Guard = millrace::RootedFolder::Guard;

constexpr std::uint64_t kMost = 1 << 20;

RootedFolder opened_folder(const std::string& path, Guard guard) {
  auto folder = RootedFolder::open(path, guard);
  REQUIRE(folder.has_value());
  return std::move(*folder);
}

std::string content(const RootedFolder& folder, std::string_view name) {
  Sample sample;
  const auto bytes = folder.read(name, kMost, sample);
  if (!bytes) return "error: " + bytes.error().message;
  return text_of(*bytes);
}

std::string refusal(const RootedFolder& folder, std::string_view name,
                    std::uint64_t max_bytes = kMost) {
  Sample sample;
  const auto bytes = folder.read(name, max_bytes, sample);
  REQUIRE_FALSE(bytes.has_value());
  CHECK(bytes.error().reason == Reason::io_error);
  return bytes.error().message;
}

constexpr Guard kGuards[] = {Guard::best, Guard::portable};

}  // namespace

TEST_CASE("files below the folder are read by relative and absolute names") {
  const ScratchFolder scratch;
  scratch.write("root/a.jpg", "A");
  scratch.write("root/sub/deep/b.jpg", "B");
  scratch.write("root/empty.jpg", "");
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    CHECK(content(root, "a.jpg") == "A");
    CHECK(content(root, "./sub//deep/./b.jpg") == "B");
    CHECK(content(root, "sub/../a.jpg") == "A");
    CHECK(content(root, "nowhere/../a.jpg") == "A");  // resolved as text
    CHECK(content(root, "empty.jpg").empty());
    CHECK(content(root, scratch.path("root/sub/deep/b.jpg")) == "B");
    CHECK(content(root, scratch.path("root/../root/a.jpg")) == "A");
    const RootedFolder with_slash = opened_folder(scratch.path("root") + "/", guard);
    CHECK(content(with_slash, scratch.path("root/a.jpg")) == "A");
  }
}

TEST_CASE("names that lead out of the folder are refused") {
  const ScratchFolder scratch;
  scratch.write("secret.jpg", "S");
  scratch.write("root/a.jpg", "A");
  scratch.write("root2/b.jpg", "B");
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    for (const std::string& name :
         {std::string("../secret.jpg"), std::string("sub/../../secret.jpg"), std::string(".."),
          std::string("../root/a.jpg"), scratch.path("secret.jpg"), scratch.path("root2/b.jpg"),
          scratch.path("root/../secret.jpg"), std::string("/etc/passwd"), std::string("/"),
          std::string("/..")}) {
      CAPTURE(name);
      CHECK(contains(refusal(root, name), "leads out of the folder"));
    }
  }
}

TEST_CASE("links may lead anywhere below the folder, and not out of it") {
  const ScratchFolder scratch;
  scratch.write("secret.jpg", "S");
  scratch.write("outside/c.jpg", "C");
  scratch.write("root/a.jpg", "A");
  scratch.write("root/sub/b.jpg", "B");
  const auto link = [&](const std::string& target, const std::string& name) {
    fs::create_symlink(target, scratch.path("root/" + name));
  };
  link("../a.jpg", "sub/up.jpg");
  link("sub", "folder");
  link(scratch.path("root/a.jpg"), "absolute.jpg");
  link("../secret.jpg", "out.jpg");
  link(scratch.path("secret.jpg"), "absolute_out.jpg");
  link("../outside", "outside");
  link("sub/../../secret.jpg", "winding.jpg");
  link("loop.jpg", "loop.jpg");
  link("nowhere.jpg", "broken.jpg");
  link("/proc/self/root/etc/passwd", "magic.jpg");
  for (const Guard guard : kGuards) {
    CAPTURE(static_cast<int>(guard));
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    CHECK(content(root, "sub/up.jpg") == "A");
    CHECK(content(root, "folder/b.jpg") == "B");
    CHECK(content(root, "absolute.jpg") == "A");
    for (const char* name :
         {"out.jpg", "absolute_out.jpg", "outside/c.jpg", "winding.jpg", "magic.jpg"}) {
      CAPTURE(name);
      CHECK(contains(refusal(root, name), "leads out of the folder"));
    }
    CHECK(contains(refusal(root, "loop.jpg"), "loop.jpg"));
    CHECK(contains(refusal(root, "broken.jpg"), "broken.jpg"));
  }
}

TEST_CASE("a folder that is itself behind a link is one folder by both of its names") {
  const ScratchFolder scratch;
  scratch.write("real/a.jpg", "A");
  fs::create_directory_symlink(scratch.path("real"), scratch.path("alias"));
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("alias"), guard);
    CHECK(content(root, "a.jpg") == "A");
    CHECK(content(root, scratch.path("alias/a.jpg")) == "A");
    CHECK(content(root, scratch.path("real/a.jpg")) == "A");
  }
}

TEST_CASE("what is no regular file is refused without waiting") {
  const ScratchFolder scratch;
  scratch.write("root/sub/a.jpg", "A");
  REQUIRE(::mkfifo(scratch.path("root/fifo.jpg").c_str(), 0600) == 0);
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    CHECK(contains(refusal(root, "fifo.jpg"), "no regular file"));
    CHECK(contains(refusal(root, "sub"), "no regular file"));
    CHECK(contains(refusal(root, "."), "it is a folder"));
    CHECK(contains(refusal(root, "sub/.."), "it is a folder"));
    CHECK(contains(refusal(root, scratch.path("root")), "out of the folder"));
    const RootedFolder devices = opened_folder("/dev", guard);
    CHECK(contains(refusal(devices, "null"), "no regular file"));
    CHECK(contains(refusal(root, "missing.jpg"), "No such file"));
    CHECK(contains(refusal(root, "sub/a.jpg/b.jpg"), "Not a directory"));
  }
}

TEST_CASE("names that no file can have are refused, and messages show them harmlessly") {
  const ScratchFolder scratch;
  scratch.write("root/a.jpg", "A");
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    CHECK(contains(refusal(root, ""), "empty name"));
    CHECK(contains(refusal(root, std::string_view("a.jpg\0.png", 10)), "NUL"));
    CHECK(contains(refusal(root, std::string(4096, 'a')), "too long"));
    CHECK(contains(refusal(root, std::string(300, 'a')), "too long"));
    const std::string slashes(4000, '/');
    CHECK(content(root, "." + slashes + "a.jpg") == "A");
    CHECK(content(root, std::string(4089, '.') + "/a.jpg").starts_with("error"));
    const std::string message = refusal(root, "\x1b[31m\"\xff");
    CHECK(contains(message, "\\x1b[31m\\x22\\xff"));
    CHECK(refusal(root, std::string(4000, 'x')).size() < 400);
  }
}

TEST_CASE("a file beyond the limit is refused before memory is taken for it") {
  const ScratchFolder scratch;
  scratch.write("root/a.jpg", "12345");
  REQUIRE(::truncate(scratch.write("root/huge.jpg", "x").c_str(), off_t{1} << 40) == 0);
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    CHECK(contains(refusal(root, "a.jpg", 4), "5 bytes are more than max_image_bytes = 4"));
    Sample sample;
    CHECK(root.read("a.jpg", 5, sample).has_value());
    CHECK(contains(refusal(root, "huge.jpg", std::uint64_t{1} << 30), "more than"));
  }
}

TEST_CASE("a file that does not have the length it says is an error") {
  const RootedFolder proc = opened_folder("/proc/self", Guard::best);
  CHECK(contains(refusal(proc, "status"), "changed its size"));
}

TEST_CASE("several files are kept by one sample until it is read again") {
  const ScratchFolder scratch;
  scratch.write("root/a.jpg", std::string(100, 'a'));
  scratch.write("root/b.jpg", std::string(50, 'b'));
  const RootedFolder root = opened_folder(scratch.path("root"), Guard::best);
  Sample sample;
  for (int i = 0; i < 3; ++i) {
    sample.reset("table", 0);
    const auto a = root.read("a.jpg", kMost, sample);
    const auto b = root.read("b.jpg", kMost, sample);
    REQUIRE(a.has_value());
    REQUIRE(b.has_value());
    CHECK(std::string(a->begin(), a->end()) == std::string(100, 'a'));
    CHECK(std::string(b->begin(), b->end()) == std::string(50, 'b'));
  }
}

TEST_CASE("a folder that is swapped for a link meanwhile never gives a file from outside") {
  const ScratchFolder scratch;
  scratch.write("outside/a.jpg", "OUTSIDE");
  scratch.write("root/swapped/a.jpg", "inside");
  scratch.write("root/spare/keep", "");
  std::atomic<bool> stop = false;
  std::thread swapping([&] {
    const std::string swapped = scratch.path("root/swapped");
    const std::string away = scratch.path("root/away");
    std::error_code ignored;
    while (!stop) {
      fs::rename(swapped, away, ignored);
      fs::create_directory_symlink("../outside", swapped, ignored);
      fs::remove(swapped, ignored);
      fs::create_directory_symlink(scratch.path("outside"), swapped, ignored);
      fs::remove(swapped, ignored);
      fs::rename(away, swapped, ignored);
    }
  });
  int outside = 0;
  int inside = 0;
  for (const Guard guard : kGuards) {
    const RootedFolder root = opened_folder(scratch.path("root"), guard);
    for (int i = 0; i < 5000; ++i) {
      const std::string got = content(root, "swapped/a.jpg");
      outside += got == "OUTSIDE" ? 1 : 0;
      inside += got == "inside" ? 1 : 0;
    }
  }
  stop = true;
  swapping.join();
  CHECK(outside == 0);
  CHECK(inside > 0);
}

TEST_CASE("a folder that is none is an error that names it") {
  const ScratchFolder scratch;
  scratch.write("file", "x");
  for (const std::string& path : {scratch.path("file"), scratch.path("missing")}) {
    const auto folder = RootedFolder::open(path);
    REQUIRE_FALSE(folder.has_value());
    CHECK(folder.error().reason == Reason::io_error);
    CHECK(folder.error().shard == path);
  }
}
