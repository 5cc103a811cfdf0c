#include "millrace/transforms/steps/mirror.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/steps/mirror.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

// Exchanges whole vectors of pixels from both ends, then the pixels that are left in the middle.
void mirror(std::uint8_t* row, std::size_t width) {
  std::uint8_t* left = row;
  std::uint8_t* right = row + width * 3;
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::FixedTag<std::uint8_t, 16> d8;
  using Vector = hn::Vec<decltype(d8)>;
  constexpr std::size_t kBytes = 48;
  HWY_ALIGN constexpr std::uint8_t kBackwards[16] = {15, 14, 13, 12, 11, 10, 9, 8,
                                                     7,  6,  5,  4,  3,  2,  1, 0};
  const Vector backwards = hn::Load(d8, kBackwards);
  const auto reversed = [&](Vector vector) { return hn::TableLookupBytes(vector, backwards); };
  while (static_cast<std::size_t>(right - left) >= 2 * kBytes) {
    right -= kBytes;
    Vector r0;
    Vector g0;
    Vector b0;
    Vector r1;
    Vector g1;
    Vector b1;
    hn::LoadInterleaved3(d8, left, r0, g0, b0);
    hn::LoadInterleaved3(d8, right, r1, g1, b1);
    hn::StoreInterleaved3(reversed(r1), reversed(g1), reversed(b1), d8, left);
    hn::StoreInterleaved3(reversed(r0), reversed(g0), reversed(b0), d8, right);
    left += kBytes;
  }
#endif
  for (; right - left >= 6; left += 3) {
    right -= 3;
    std::swap_ranges(left, left + 3, right);
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(mirror);

void mirror_rows(MutableImageView image) {
  for (int y = 0; y < image.height; ++y) {
    HWY_DYNAMIC_DISPATCH(mirror)(image.row(y), static_cast<std::size_t>(image.width));
  }
}

}  // namespace millrace
#endif
