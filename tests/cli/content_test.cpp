#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "check/distribution.h"
#include "check/findings.h"
#include "check/html_text.h"
#include "check/perceptual_hash.h"
#include "check/text_flaws.h"

namespace millrace::cli {
namespace {

struct Picture {
  int width;
  int height;
  std::vector<std::uint8_t> rgb;

  ImageView view() const {
    return {rgb.data(), width, height, static_cast<std::size_t>(width) * 3};
  }
};

// Smooth waves, which a resize hardly changes; levels * contrast + brighter.
Picture waves(int width, int height, double seed, double contrast = 1, double brighter = 0) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = (x + 0.5) / width;
      const double v = (y + 0.5) / height;
      const double level = std::sin(seed + 9 * u + 4 * v * v) + std::sin(3 * seed - 7 * u * v) +
                           std::cos(seed * 5 + 11 * v + 2 * u);
      const double gray = std::clamp(128 + contrast * 35 * level + brighter, 0.0, 255.0);
      picture.rgb.insert(picture.rgb.end(), 3, static_cast<std::uint8_t>(gray));
    }
  }
  return picture;
}

int distance(const Picture& a, const Picture& b) {
  return std::popcount(perceptual_hash(a.view()).bits ^ perceptual_hash(b.view()).bits);
}

TEST_CASE("the perceptual hash outlives a resize, other brightness and less contrast") {
  for (int seed = 0; seed < 20; ++seed) {
    const Picture picture = waves(500, 375, seed);
    CHECK(distance(picture, waves(250, 188, seed)) <= 3);
    CHECK(distance(picture, waves(1000, 700, seed)) <= 3);
    CHECK(distance(picture, waves(500, 375, seed, 0.8, 12)) <= 3);
    CHECK(distance(picture, waves(500, 375, seed + 0.5)) > 8);
  }
}

TEST_CASE("an image of one colour is flat, whatever its size") {
  for (const int side : {1, 2, 31, 300}) {
    Picture picture{side, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(side) * 3, 200)};
    CHECK(perceptual_hash(picture.view()).is_flat);
  }
  CHECK_FALSE(perceptual_hash(waves(3, 2, 1).view()).is_flat);
}

TEST_CASE("a text's flaws are told from its bytes") {
  CHECK_FALSE(find_text_flaws("a plain text\twith\nlines").control_character);
  CHECK(find_text_flaws(std::string_view("nul \0 byte", 10)).control_character);
  CHECK(find_text_flaws("\x7F").control_character);
  CHECK(find_text_flaws("next\xC2\x85line").control_character);
  CHECK(find_text_flaws("caf\xE9").invalid_utf8);
  CHECK(find_text_flaws("lost \xEF\xBF\xBD").replacement_character);
  CHECK(find_text_flaws("Tom &amp; Jerry").markup);
  CHECK(find_text_flaws("two<br>lines").markup);
  CHECK_FALSE(find_text_flaws("AT&T < 3 & more").markup);
}

TEST_CASE(
    "UTF-8 that was read as Latin-1 or Windows-1252 is seen, and languages are not taken for it") {
  for (const char* text : {"CafÃ©", "donâ€™t", "10Â°", "smile ðŸ˜€", "Ã¼ber", "Ã\xC2\x9F"}) {
    CHECK_MESSAGE(find_text_flaws(text).mojibake, text);
  }
  for (const char* text : {"Café", "don’t", "São Paulo, CORAÇÃO", "pâte à crêpes", "naïve Ångström",
                           "ÂME", "Ðe ðat", "日本語", "Привет", "🙂"}) {
    const TextFlaws flaws = find_text_flaws(text);
    CHECK_MESSAGE(!flaws.mojibake, text);
    CHECK_MESSAGE(!flaws.control_character, text);
  }
}

TEST_CASE("HTML text holds no markup, no control characters and no broken bytes") {
  CHECK(html_text("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(html_text("\x1b[31m\x7f") == "\\x1b[31m\\x7f");
  CHECK(html_text("caf\xE9") == "caf\\xe9");
  CHECK(html_text("\xC2\x85 \xE2\x80\xAEtxt") == "\\x85 \\xe2\\x80\\xaetxt");
  CHECK(html_text("日本\nü") == "日本\nü");
  const std::vector<std::uint8_t> bytes = {'M', 'a', 'n', 'M', 'a', 'M'};
  CHECK(base64(bytes) == "TWFuTWFN");
  CHECK(base64(std::span(bytes).first(5)) == "TWFuTWE=");
  CHECK(base64(std::span(bytes).first(4)) == "TWFuTQ==");
  CHECK(base64({}).empty());
}

TEST_CASE("a text is cut between characters") {
  CHECK(cut_text("abc", 3) == "abc");
  CHECK(cut_text("abcd", 3) == "abc");
  CHECK(cut_text("aé", 2) == "a");
  CHECK(cut_text("日本", 5) == "日");
  CHECK(cut_text("🙂", 3).empty());
}

TEST_CASE("a distribution knows its middle and its bars, and merging changes nothing") {
  Distribution all;
  Distribution odd;
  Distribution even;
  for (std::uint64_t value = 1; value <= 1001; ++value) {
    all.add(value);
    (value % 2 == 0 ? even : odd).add(value);
  }
  odd.merge(even);
  for (const Distribution* one : {&all, &odd}) {
    CHECK(one->count() == 1001);
    CHECK(one->min() == 1);
    CHECK(one->max() == 1001);
    CHECK(one->quantile(0.5) == 501);
    CHECK(one->sum() == 1001 * 501);
    std::uint64_t in_bars = 0;
    for (const Bar& bar : side_bars(*one)) in_bars += bar.count;
    CHECK(in_bars == 1001);
  }
  all.add(1'000'000);
  CHECK(all.max() == 1'000'000);
  CHECK(side_bars(all).back().count == 1);
  CHECK(aspect_thousandths(3, 2) == 1500);
  CHECK(aspect_thousandths(65535, 1) == 65'535'000);
}

TEST_CASE(
    "of the examples of a kind those first in the order of shards are kept, whoever found them") {
  const auto finding = [](std::uint32_t shard, std::uint64_t index) {
    Finding one;
    one.kind = FindingKind::flat_image;
    one.place = {shard, index};
    return one;
  };
  Findings a(2);
  Findings b(2);
  for (const std::uint32_t shard : {5U, 1U, 3U}) a.add(finding(shard, 0));
  for (const std::uint32_t shard : {4U, 2U}) b.add(finding(shard, 9));
  CHECK_FALSE(a.wants(FindingKind::flat_image, {9, 0}));
  CHECK(a.wants(FindingKind::flat_image, {0, 0}));
  a.merge(std::move(b));
  CHECK(a.count_of(FindingKind::flat_image) == 5);
  REQUIRE(a.examples_of(FindingKind::flat_image).size() == 2);
  CHECK(a.examples_of(FindingKind::flat_image)[1].place == SamplePlace{2, 9});
}

}  // namespace
}  // namespace millrace::cli
