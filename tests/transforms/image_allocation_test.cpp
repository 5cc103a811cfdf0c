#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/clip_image.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MILLRACE_TEST_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MILLRACE_TEST_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef MILLRACE_TEST_COUNTS_ALLOCATIONS
#define MILLRACE_TEST_COUNTS_ALLOCATIONS 1
#endif

#if MILLRACE_TEST_COUNTS_ALLOCATIONS

namespace {
thread_local bool is_counting = false;
thread_local std::size_t allocation_count = 0;

void count_allocation() {
  if (is_counting) ++allocation_count;
}
}  // namespace

// The C library's allocation functions for the whole program, libjpeg included; `__libc_malloc` and
// its like are what glibc's own are aliases of.
extern "C" {
void* __libc_malloc(std::size_t bytes);                           // NOLINT: glibc's name
void* __libc_calloc(std::size_t count, std::size_t bytes);        // NOLINT: glibc's name
void* __libc_realloc(void* memory, std::size_t bytes);            // NOLINT: glibc's name
void* __libc_memalign(std::size_t alignment, std::size_t bytes);  // NOLINT: glibc's name

void* malloc(std::size_t bytes) {
  count_allocation();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  count_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  count_allocation();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count_allocation();
  return __libc_memalign(alignment, bytes);
}
}

namespace millrace {
namespace {

TEST_CASE("in steady state a JPEG becomes a slot without one allocation") {
  std::vector<test::Bytes> images;
  for (const auto& [width, height] : {std::pair{300, 240}, {240, 300}, {250, 250}, {224, 224}}) {
    const auto pixels = test::make_pixels(width, height, 1);
    images.push_back(test::encode_jpeg(pixels, {}));
    images.push_back(test::encode_jpeg(pixels, {.h_sampling = 1, .v_sampling = 1}));
    images.push_back(test::encode_jpeg(pixels, {.progressive = true}));
    images.push_back(test::encode_jpeg(pixels, {.gray = true}));
  }
  const auto writer = clip_transform(112)->make_writer();
  std::vector<float> slot(std::size_t{3} * 112 * 112);
  StageTimes times;
  const auto write_all = [&] {
    for (const auto& image : images) {
      REQUIRE(writer->write(image, std::as_writable_bytes(std::span(slot)), times));
    }
  };
  // More rounds than the caches of weights have entries: every entry has grown to its full size.
  for (int round = 0; round < 12; ++round) write_all();
  allocation_count = 0;
  is_counting = true;
  for (const auto& image : images) {
    (void)writer->write(image, std::as_writable_bytes(std::span(slot)), times);
  }
  is_counting = false;
  CHECK(allocation_count == 0);
}

}  // namespace
}  // namespace millrace

#endif
