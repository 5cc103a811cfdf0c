#include "millrace/loader/permutation.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "random_rounds.h"

namespace millrace {
namespace {

TEST_CASE("a permutation takes every value once, and its inverse takes it back") {
  for_random_rounds(400, [](Random& random) {
    const std::uint64_t size = random.size(3000);
    CAPTURE(size);
    const Permutation permutation(size, random.bits());
    std::vector<bool> seen(size, false);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t image = permutation(i);
      REQUIRE(image < size);
      REQUIRE(!seen[image]);
      seen[image] = true;
      REQUIRE(permutation.inverse(image) == i);
    }
  });
}

TEST_CASE("a huge permutation and its inverse undo each other") {
  for_random_rounds(200, [](Random& random) {
    const std::uint64_t size = random.size(std::uint64_t{1} << 62);
    const Permutation permutation(size, random.bits());
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t index = random.below(size);
      REQUIRE(permutation(index) < size);
      REQUIRE(permutation.inverse(permutation(index)) == index);
      REQUIRE(permutation(permutation.inverse(index)) == index);
    }
  });
}

TEST_CASE("over many keys an index goes everywhere equally often, and neighbours part") {
  for (const std::uint64_t size : {2, 3, 5, 8, 17, 64, 100, 300, 700, 1030, 2000}) {
    CAPTURE(size);
    constexpr std::uint64_t kKeys = 40'000;
    const std::uint64_t index = size / 2;
    std::vector<double> images(size, 0);
    std::vector<double> steps(size, 0);  // from the index to the one before
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const Permutation permutation(size, mix(key, 0));
      ++images[permutation(index)];
      ++steps[(permutation(index) + size - permutation(index - 1)) % size];
    }
    const auto chi_square = [&](const std::vector<double>& counts, std::size_t begin) {
      const double cells = static_cast<double>(size - begin);
      const double each = static_cast<double>(kKeys) / cells;
      double sum = 0;
      for (std::size_t i = begin; i < counts.size(); ++i) {
        sum += (counts[i] - each) * (counts[i] - each) / each;
      }
      return std::pair{sum, cells - 1 + 6 * std::sqrt(2 * cells)};  // six standard deviations
    };
    const auto [of_images, most] = chi_square(images, 0);
    CHECK(of_images < most);
    const auto [of_steps, most_steps] = chi_square(steps, 1);
    CHECK(of_steps < most_steps);
  }
}

}  // namespace
}  // namespace millrace
