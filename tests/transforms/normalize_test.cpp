#include "millrace/transforms/output/normalize.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "vector_targets.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;

/// The bytes of one value as the table and the scalar conversions have it.
std::uint32_t expected_bits(const Normalizer& normalizer, Dtype dtype, int channel,
                            std::uint8_t value) {
  const float normalized = normalizer(channel, value);
  if (dtype == Dtype::uint8) return value;
  if (dtype == Dtype::float16) return to_float16(normalized);
  if (dtype == Dtype::bfloat16) return to_bfloat16(normalized);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &normalized, sizeof bits);
  return bits;
}

TEST_CASE("every vector target writes every form, at every length, as the table has it") {
  for (const Normalization& normalization :
       {kClipNormalization, kImagenetNormalization, kInceptionNormalization,
        Normalization{{0.1F, 0.2F, 0.3F}, {0.7F, 1.3F, 0.003F}},
        // Tiny numbers: among the smallest of float16.
        Normalization{{0.5F, 0.5F, 0.5F}, {40000.0F, 9000.0F, 1e6F}},
        // Beyond float16.
        Normalization{{0.5F, 0.5F, 0.5F}, {1e-6F, 1e-5F, 1e-7F}}}) {
    for (const Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16, Dtype::uint8}) {
      for (const PixelLayout layout : {PixelLayout::chw, PixelLayout::hwc}) {
        const Normalizer normalizer({dtype, layout, normalization});
        const std::size_t bytes = dtype_bytes(dtype);
        test::for_each_vector_target([&](const std::string& target) {
          for (const int width : {1, 3, 15, 16, 17, 63, 64, 65, 129, 300}) {
            const Pixels input = make_pixels(width, 3, static_cast<std::uint32_t>(width));
            const auto plane = static_cast<std::size_t>(width) * 3;
            std::vector<std::byte> output(input.rgb.size() * bytes);
            normalizer.normalize(input.view(), output.data());
            bool equal = true;
            for (std::size_t i = 0; i < input.rgb.size(); ++i) {
              std::uint32_t actual = 0;
              const std::size_t at = layout == PixelLayout::hwc ? i : i % 3 * plane + i / 3;
              std::memcpy(&actual, output.data() + at * bytes, bytes);
              equal = equal && actual == expected_bits(normalizer, dtype, static_cast<int>(i % 3),
                                                       input.rgb[i]);
            }
            CHECK_MESSAGE(equal, target << ", " << dtype_name(dtype) << " "
                                        << pixel_layout_name(layout) << ", width " << width);
          }
        });
      }
    }
  }
  CHECK(Normalizer().reciprocals_are_exact());
}

TEST_CASE("rows that lie apart are normalised as if they lay together") {
  const Pixels wide = make_pixels(50, 7, 1);
  Pixels cut(33, 7);
  for (int y = 0; y < 7; ++y) std::memcpy(cut.view().row(y), wide.view().row(y), 33 * 3);
  const ImageView part{wide.rgb.data(), 33, 7, wide.view().stride_bytes};
  for (const Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::uint8}) {
    for (const PixelLayout layout : {PixelLayout::chw, PixelLayout::hwc}) {
      const Normalizer normalizer({dtype, layout});
      std::vector<std::byte> a(cut.rgb.size() * dtype_bytes(dtype));
      std::vector<std::byte> b(a.size());
      normalizer.normalize(cut.view(), a.data());
      normalizer.normalize(part, b.data());
      CHECK(a == b);
    }
  }
}

TEST_CASE("sixteen bits are rounded to nearest, half to even") {
  CHECK(to_float16(1.0F) == 0x3C00);
  CHECK(to_float16(-2.0F) == 0xC000);
  CHECK(to_float16(0.0F) == 0);
  CHECK(to_float16(-0.0F) == 0x8000);
  CHECK(to_float16(1.0F + 0x1p-11F) == 0x3C00);             // half way, to even
  CHECK(to_float16(1.0F + 3 * 0x1p-11F) == 0x3C02);         // half way, to even
  CHECK(to_float16(1.0F + 0x1p-11F + 0x1p-23F) == 0x3C01);  // above half
  CHECK(to_float16(65504.0F) == 0x7BFF);
  CHECK(to_float16(65519.0F) == 0x7BFF);
  CHECK(to_float16(65520.0F) == 0x7C00);
  CHECK(to_float16(0x1p-14F) == 0x0400);
  CHECK(to_float16(0x1p-24F) == 0x0001);
  CHECK(to_float16(0x1p-25F) == 0x0000);  // half of the smallest, to even
  CHECK(to_float16(3 * 0x1p-25F) == 0x0002);
  CHECK(to_float16(std::nextafter(0x1p-14F, 0.0F)) == 0x0400);
  CHECK(to_float16(std::numeric_limits<float>::infinity()) == 0x7C00);
  CHECK((to_float16(std::numeric_limits<float>::quiet_NaN()) & 0x7FFF) > 0x7C00);
  CHECK(to_bfloat16(1.0F) == 0x3F80);
  CHECK(to_bfloat16(1.0F + 0x1p-8F) == 0x3F80);
  CHECK(to_bfloat16(1.0F + 3 * 0x1p-8F) == 0x3F82);
  CHECK(to_bfloat16(1.0F + 0x1p-8F + 0x1p-23F) == 0x3F81);
  CHECK(to_bfloat16(std::numeric_limits<float>::infinity()) == 0x7F80);
  CHECK((to_bfloat16(std::numeric_limits<float>::quiet_NaN()) & 0x7FFF) > 0x7F80);
}

}  // namespace
}  // namespace millrace
