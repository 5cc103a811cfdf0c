#include <algorithm>
#include <bit>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "check/fingerprints.h"
#include "check/near_duplicates.h"

namespace millrace::cli {
namespace {

using Pairs = std::set<std::pair<std::size_t, std::size_t>>;

std::vector<std::uint64_t> hashes_with_neighbours(std::size_t count, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::set<std::uint64_t> hashes;
  while (hashes.size() < count) {
    std::uint64_t hash = random();
    hashes.insert(hash);
    for (int i = 0; i < 3; ++i) {
      for (int bit = 0; bit < 4; ++bit) hash ^= std::uint64_t{1} << random() % 64;
      hashes.insert(hash);
    }
  }
  return {hashes.begin(), hashes.end()};
}

TEST_CASE("bands find the same near hashes as comparing all with all") {
  for (const std::size_t count : {2U, 50U, 3000U}) {
    for (int distance = 0; distance <= 8; ++distance) {
      const std::vector<std::uint64_t> hashes = hashes_with_neighbours(count, 7);
      Pairs expected;
      for (std::size_t i = 0; i < hashes.size(); ++i) {
        for (std::size_t j = i + 1; j < hashes.size(); ++j) {
          if (std::popcount(hashes[i] ^ hashes[j]) <= distance) expected.emplace(i, j);
        }
      }
      Pairs found;
      const std::uint64_t crowded = find_near_pairs(
          hashes, distance, 2,
          [&](std::size_t i, std::size_t j) { found.emplace(std::min(i, j), std::max(i, j)); });
      CHECK(crowded == 0);
      CHECK(found == expected);
    }
  }
}

TEST_CASE("a crowd of hashes is compared only so far, and that is said") {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 3 * kMostNeighbours; ++i) hashes.push_back(i << 40);
  CHECK(find_near_pairs(hashes, 1, 1, [](std::size_t, std::size_t) {}) > 0);
}

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

void add_sample(Fingerprints::Batch& batch, SamplePlace place, const std::string& key,
                const std::string& image, std::uint64_t looks, const std::string& caption) {
  REQUIRE(batch.begin_sample(place));
  batch.add_key(key);
  batch.add_image(bytes_of(image), PerceptualHash{looks, false});
  batch.add_caption(caption);
}

TEST_CASE("keys, images and captions that are there twice are found in groups") {
  Fingerprints prints(3);
  Fingerprints::Batch batch = prints.make_batch();
  const std::uint64_t looks = 0x123456789ABCDEF0U;
  add_sample(batch, {2, 5}, "a", "one", looks, "red");
  add_sample(batch, {0, 7}, "b", "one", looks, "red");
  add_sample(batch, {1, 1}, "c", "one", looks, "blue");
  add_sample(batch, {0, 0}, "a", "two", looks ^ 0x11, "red");
  add_sample(batch, {0, 1}, "d", "three", ~looks, "green");
  prints.add(batch);
  const FingerprintResults found = prints.find(3, 10, 2);

  CHECK(found.keys.groups == 1);
  CHECK(found.keys.extra == 1);
  CHECK(found.keys.examples[0].first == std::vector<SamplePlace>{{0, 0}, {2, 5}});
  CHECK(found.images.extra == 2);
  CHECK(found.images.examples[0].first == std::vector<SamplePlace>{{0, 7}, {1, 1}, {2, 5}});
  // "red" stands beside two different images, although three samples have it.
  CHECK(found.captions.groups == 1);
  CHECK(found.captions.extra == 1);
  CHECK(found.captions.examples[0].first == std::vector<SamplePlace>{{0, 0}, {0, 7}});
  // Equal images count once.
  CHECK(found.near_images.groups == 1);
  CHECK(found.near_images.examples[0].first == std::vector<SamplePlace>{{0, 0}, {0, 7}});
}

TEST_CASE("of many groups the largest are shown, and all are counted") {
  Fingerprints prints(1);
  Fingerprints::Batch batch = prints.make_batch();
  std::uint64_t index = 0;
  for (int group = 1; group <= 200; ++group) {
    for (int i = 0; i < group; ++i) {
      REQUIRE(batch.begin_sample({0, index++}));
      batch.add_key(std::to_string(group));
    }
    prints.add(batch);
  }
  const FingerprintResults found = prints.find(0, 3, 2);
  CHECK(found.keys.groups == 199);
  CHECK(found.keys.extra == 200 * 201 / 2 - 200);
  REQUIRE(found.keys.examples.size() == 3);
  CHECK(found.keys.examples[0].size == 200);
  CHECK(found.keys.examples[2].size == 198);
  CHECK(found.keys.examples[0].first.size() == DuplicateGroup::kShown);
}

TEST_CASE("a sample whose place does not fit is counted as not compared") {
  Fingerprints prints(10'000'000);
  Fingerprints::Batch batch = prints.make_batch();
  CHECK(batch.begin_sample({9'999'999, 1'000'000}));
  batch.add_key("a");
  CHECK_FALSE(batch.begin_sample({0, std::uint64_t{1} << 21}));
  batch.add_key("a");
  prints.add(batch);
  const FingerprintResults found = prints.find(3, 3, 1);
  CHECK(found.not_compared == 1);
  CHECK(found.keys.groups == 0);
}

}  // namespace
}  // namespace millrace::cli
