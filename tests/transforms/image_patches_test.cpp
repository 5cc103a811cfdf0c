#include "millrace/transforms/output/image_patches.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/output/normalize.h"
#include "millrace/transforms/resize/resize.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;

template <typename Number>
std::vector<Number> written(SlotWriter& writer, const Transform& transform,
                            const std::vector<std::uint8_t>& image, StageTimes& times) {
  std::vector<Number> slot(transform.output().slot_bytes() / sizeof(Number), Number{99});
  REQUIRE(writer.write(image, std::as_writable_bytes(std::span(slot)), {}, times));
  return slot;
}

TEST_CASE("a sequence has at most as many patches as asked for, of the image's aspect ratio") {
  for (int width = 1; width < 400; width += 13) {
    for (int height = 1; height < 400; height += 17) {
      const ImageSize size = patched_size({width, height}, 16, 256);
      CHECK(size.width % 16 == 0);
      CHECK(size.height % 16 == 0);
      const int patches = size.width / 16 * (size.height / 16);
      CHECK(patches >= 1);
      CHECK(patches <= 256);
    }
  }
  // transformers 5.23.0: get_image_size_for_max_num_patches.
  CHECK(patched_size({500, 375}, 16, 256) == ImageSize{288, 224});
  CHECK(patched_size({375, 500}, 16, 256) == ImageSize{224, 288});
}

TEST_CASE("the patches are those of the resized image, in rows, with what says where they are") {
  const Pixels image = make_pixels(90, 60, 1);
  const auto png = test::encode_png(image);
  PatchOptions options;
  options.patch_size = 4;
  options.max_patches = 30;
  DecodedImages decoded;
  StageTimes times;
  const auto make = [&](PatchPart part) { return image_patches(options, part); };
  const auto numbers = [&](PatchPart part) {
    const auto transform = make(part);
    return written<std::int64_t>(*transform->make_sharing_writer(decoded), *transform, png, times);
  };
  const auto shape = numbers(PatchPart::shape);
  const std::int64_t rows = shape[0];
  const std::int64_t columns = shape[1];
  REQUIRE(rows * columns <= 30);
  REQUIRE(rows * columns > 20);

  Pixels resized(static_cast<int>(columns) * 4, static_cast<int>(rows) * 4);
  Resizer resizer;
  REQUIRE(resizer.resize(image.view(), {resized.width, resized.height, 0, 0, {}}, Filter::bilinear,
                         resized.view()));
  const Normalizer normalizer({Dtype::float32, PixelLayout::hwc, kInceptionNormalization});
  const auto pixels = make(PatchPart::pixels);
  CHECK(pixels->output().shape == std::vector<std::int64_t>{30, 48});
  const auto patches = written<float>(*pixels->make_sharing_writer(decoded), *pixels, png, times);
  const auto mask = numbers(PatchPart::mask);
  const auto coordinates = numbers(PatchPart::coordinates);
  for (std::int64_t patch = 0; patch < 30; ++patch) {
    const auto p = static_cast<std::size_t>(patch);
    const bool is_one = patch < rows * columns;
    CHECK(mask[p] == (is_one ? 1 : 0));
    CHECK(coordinates[2 * p] == (is_one ? patch / columns : 0));
    CHECK(coordinates[2 * p + 1] == (is_one ? patch % columns : 0));
    bool equal = true;
    for (std::size_t i = 0; i < 48; ++i) {
      float expected = 0;
      if (is_one) {
        const auto y = static_cast<int>(coordinates[2 * p] * 4) + static_cast<int>(i / 12);
        const auto x = static_cast<std::size_t>(coordinates[2 * p + 1] * 4) + i % 12 / 3;
        expected = normalizer(static_cast<int>(i % 3), resized.view().row(y)[x * 3 + i % 3]);
      }
      equal = equal && patches[p * 48 + i] == expected;
    }
    CHECK(equal);
  }
  CHECK(times[Stage::decode].items == 1);
}

TEST_CASE("the narrowest image becomes patches, and options that make no sense are refused") {
  PatchOptions options;
  options.max_patches = 2;
  const auto png = test::encode_png(make_pixels(3000, 1, 1));
  std::vector<float> slot(2 * 768);
  StageTimes times;
  const auto writer = image_patches(options)->make_writer();
  CHECK(writer->write(png, std::as_writable_bytes(std::span(slot)), {}, times).has_value());
  options.max_patches = 0;
  CHECK_THROWS_WITH_AS(image_patches(options), "max_patches = 0: must be 1 to 16384",
                       std::invalid_argument);
  options.max_patches = 1;
  options.patch_size = 1000;
  CHECK_THROWS_WITH_AS(image_patches(options), "patch_size = 1000: must be 1 to 256",
                       std::invalid_argument);
  CHECK(image_patches({}, PatchPart::mask)->describe() ==
        R"({"type":"image_patches","part":"mask","decode":{"max_image_pixels":178956970,)"
        R"("max_jpeg_scans":500},"patch_size":16,"max_patches":256,"filter":"bilinear","output":)"
        R"({"dtype":"float32","layout":"hwc","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]}})");
}

}  // namespace
}  // namespace millrace
