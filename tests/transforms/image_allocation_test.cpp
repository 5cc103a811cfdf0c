#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/steps/clip_image.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace {
namespace {

TEST_CASE("in steady state a JPEG becomes a slot without one allocation") {
  if (!test::can_count_allocations()) return;
  std::vector<test::Bytes> images;
  for (const auto& [width, height] : {std::pair{300, 240}, {240, 300}, {250, 250}, {224, 224}}) {
    const auto pixels = test::make_pixels(width, height, 1);
    images.push_back(test::encode_jpeg(pixels, {}));
    images.push_back(test::encode_jpeg(pixels, {.h_sampling = 1, .v_sampling = 1}));
    images.push_back(test::encode_jpeg(pixels, {.progressive = true}));
    images.push_back(test::encode_jpeg(pixels, {.h_sampling = 1, .v_sampling = 1, .gray = true}));
  }
  const auto writer = clip_transform(112)->make_writer();
  std::vector<float> slot(std::size_t{3} * 112 * 112);
  StageTimes times;
  const auto write_all = [&] {
    for (const auto& image : images) {
      REQUIRE(writer->write(image, std::as_writable_bytes(std::span(slot)), {}, times));
    }
  };
  // More rounds than the caches of weights have entries: every entry has grown to its full size.
  for (int round = 0; round < 12; ++round) write_all();
  const std::size_t before = test::allocations_so_far();
  for (const auto& image : images) {
    (void)writer->write(image, std::as_writable_bytes(std::span(slot)), {}, times);
  }
  const std::size_t after = test::allocations_so_far();
  CHECK(after == before);
}

TEST_CASE("in steady state colours are changed without one allocation") {
  if (!test::can_count_allocations()) return;
  // The crop of one size instead of the random one, whose weights grow with the largest part so
  // far.
  std::vector<ImageStep> steps = simclr_steps(square(96));
  steps.front() = CenterCrop{square(96)};
  steps.emplace_back(Solarize{});
  steps.emplace_back(RandAugment{});
  ImageProcessor processor({{}, steps});
  const auto image = test::make_pixels(150, 120, 1);
  std::vector<float> slot(std::size_t{3} * 96 * 96);
  StageTimes times;
  const auto make_views = [&](std::uint64_t first) {
    for (std::uint64_t seed = first; seed < first + 40; ++seed) {
      REQUIRE(
          processor.apply(image.view(), {seed}, std::as_writable_bytes(std::span(slot)), times));
    }
  };
  make_views(0);
  make_views(40);
  const std::size_t before = test::allocations_so_far();
  make_views(0);
  CHECK(test::allocations_so_far() == before);
}

}  // namespace
}  // namespace millrace
