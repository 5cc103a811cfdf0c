#include "millrace/transforms/photometric/sharpness.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "millrace/transforms/photometric/color_arithmetic.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/sharpness.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

// Bytes of a row blended with the mean of their 3 x 3 neighbours, their own weight being 5 of 13.
// The nearest whole number is never a question: a sum over 13 is no half.
void sharpen(const std::uint8_t* HWY_RESTRICT above, const std::uint8_t* HWY_RESTRICT row,
             const std::uint8_t* HWY_RESTRICT below, std::uint8_t* HWY_RESTRICT to,
             std::size_t count, float factor) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> df;
  const hn::Rebind<std::int32_t, decltype(df)> d32;
  const hn::Rebind<std::uint8_t, decltype(df)> d8;
  const auto factors = hn::Set(df, factor);
  for (; i + hn::Lanes(df) <= count; i += hn::Lanes(df)) {
    const auto load = [&](const std::uint8_t* at) { return hn::PromoteTo(d32, hn::LoadU(d8, at)); };
    const auto three = [&](const std::uint8_t* at) {
      return hn::Add(load(at), hn::Add(load(at - 3), load(at + 3)));
    };
    const auto own = load(row + i);
    const auto sum = hn::Add(hn::Add(three(above + i), three(below + i)),
                             hn::Add(three(row + i), hn::ShiftLeft<2>(own)));
    // 5042 / 2^16 is a 13th for all sums of 13 bytes.
    const auto smooth =
        hn::ShiftRight<16>(hn::Mul(hn::Add(sum, hn::Set(d32, 6)), hn::Set(d32, 5042)));
    const auto apart = hn::ConvertTo(df, hn::Sub(own, smooth));
    const auto value = hn::Add(hn::ConvertTo(df, smooth), hn::Mul(factors, apart));
    const auto clipped = hn::Min(hn::Max(value, hn::Zero(df)), hn::Set(df, 255.0F));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(d32, clipped)), d8, to + i);
  }
#endif
  for (; i < count; ++i) {
    const auto three = [i](const std::uint8_t* at) { return at[i] + *(at + i - 3) + at[i + 3]; };
    const int smooth = (three(above) + three(row) + three(below) + 4 * row[i] + 6) / 13;
    to[i] = blended(smooth, row[i], factor);
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(sharpen);

void change_sharpness(float factor, MutableImageView image, PixelBuffer& scratch) {
  if (image.width < 3 || image.height < 3) return;
  const auto row_bytes = static_cast<std::size_t>(image.width) * 3;
  // The row above and the row at hand, as they were.
  std::uint8_t* above = scratch.reserve(2 * row_bytes);
  std::uint8_t* row = above + row_bytes;
  std::memcpy(above, image.row(0), row_bytes);
  for (int y = 1; y + 1 < image.height; ++y) {
    std::memcpy(row, image.row(y), row_bytes);
    HWY_DYNAMIC_DISPATCH(sharpen)
    (above + 3, row + 3, image.row(y + 1) + 3, image.row(y) + 3, row_bytes - 6, factor);
    std::swap(above, row);
  }
}

}  // namespace millrace
#endif
