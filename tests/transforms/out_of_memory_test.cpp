#include <array>
#include <cstddef>
#include <new>
#include <vector>

#include <doctest/doctest.h>

#include "failing_allocation.h"
#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/resize/resize.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::packed_rgb;
using test::Pixels;

TEST_CASE("a resizer that ran out of memory resizes to the right bytes afterwards") {
  if (!test::can_fail_allocations()) return;
  const Pixels small = make_pixels(30, 31, 1);
  const Pixels large = make_pixels(90, 70, 2);
  const Resizer::Geometry geometry{20, 40, 0, 0, {}};
  for (const Filter filter : {Filter::bicubic, Filter::lanczos, Filter::nearest}) {
    Pixels expected(20, 40);
    REQUIRE(Resizer().resize(large.view(), geometry, filter, expected.view()));
    // Entries that hold other weights already, and entries that hold none.
    for (const bool used_before : {false, true}) {
      std::size_t failures = 0;
      for (bool failed = true; failed; failures += failed ? 1 : 0) {
        Resizer resizer;
        Pixels output(20, 40);
        for (int i = 0; used_before && i < 8; ++i) {
          Pixels other(20 + i, 40 + i);
          REQUIRE(resizer.resize(small.view(), {20 + i, 40 + i, 0, 0, {}}, filter, other.view()));
        }
        try {
          const test::FailingAllocation failing(failures);
          (void)resizer.resize(large.view(), geometry, filter, output.view());
          failed = false;
        } catch (const std::bad_alloc&) {
          failed = true;
        }
        REQUIRE(resizer.resize(large.view(), geometry, filter, output.view()));
        REQUIRE(output.rgb == expected.rgb);
      }
      CHECK((failures > 0 || used_before));
    }
  }
}

TEST_CASE("a decoder that ran out of memory decodes to the right pixels afterwards") {
  if (!test::can_fail_allocations()) return;
  const Pixels pixels = make_pixels(150, 130, 3);
  for (const test::Bytes& file :
       {test::encode_jpeg(pixels, {}), test::encode_jpeg(pixels, {.progressive = true}),
        test::encode_png(pixels), test::encode_webp(pixels, true)}) {
    const auto expected = packed_rgb(*ImageDecoder().decode(file));
    for (std::size_t before = 0; before < 8; ++before) {
      ImageDecoder decoder;
      try {
        const test::FailingAllocation failing(before);
        (void)decoder.decode(file);
      } catch (const std::bad_alloc&) {
        // What a caller sees, or an error: either way the decoder must be as good as new.
      }
      const Result<ImageView> image = decoder.decode(file);
      REQUIRE(image);
      REQUIRE(packed_rgb(*image) == expected);
    }
  }
}

}  // namespace
}  // namespace millrace
