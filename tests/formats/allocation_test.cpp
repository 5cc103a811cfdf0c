#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include <doctest/doctest.h>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/shard.h"
#include "tar_maker.h"

namespace {

std::atomic<std::size_t> allocations{0};

void* count_and_allocate(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return count_and_allocate(bytes); }
void* operator new[](std::size_t bytes) { return count_and_allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

TEST_CASE("reading samples and selecting fields allocates nothing once the buffers have grown") {
  millrace::test::TarMaker tar;
  const std::string folder = "a/folder/with/a/long/name/";
  for (int i = 0; i < 50; ++i) {
    const std::string key = folder + std::to_string(100000 + i);
    tar.pax({"path=" + key + ".segmentation.png"}).file("x", std::string(3000, 'p'));
    tar.file(key + ".json",
             R"({"meta": {"caption": "a long caption, longer than a short string"}})");
  }
  const auto shard = millrace::tar_shard(millrace::memory_source("m.tar", tar.end().bytes()));
  const auto index = shard->index();
  REQUIRE(index);
  const millrace::FieldSelector text("txt;json:meta.caption");
  const millrace::FieldSelector image("jpg;segmentation.png");
  millrace::FieldSelector::Scratch scratch;
  millrace::Sample sample;
  const auto pass = [&] {
    std::size_t good = 0;
    for (const std::uint64_t offset : index->sample_offsets) {
      if (!shard->read(offset, sample)) continue;
      if (text.select(sample, scratch) && image.select(sample, scratch)) ++good;
    }
    return good;
  };
  REQUIRE(pass() == 50);
  const std::size_t before = allocations;
  const std::size_t good = pass();
  const std::size_t after = allocations;
  CHECK(good == 50);
  CHECK(after - before == 0);
}

}  // namespace
