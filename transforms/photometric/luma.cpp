#include "millrace/transforms/photometric/luma.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/photometric/color_arithmetic.h"
#include "millrace/transforms/photometric/pixel_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/luma.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#include "millrace/transforms/photometric/color_planes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

struct LumaPixels {
  BytePlane red;
  BytePlane green;
  BytePlane blue;

  HWY_INLINE void load(const std::uint8_t* rgb) {
    ColorByteVector r;
    ColorByteVector g;
    ColorByteVector b;
    hn::LoadInterleaved3(ColorWholeBytes(), rgb, r, g, b);
    red.store(r);
    green.store(g);
    blue.store(b);
  }
};

// All sums are whole numbers below 2^24: exact in float32, fused or not.
HWY_INLINE hn::Vec<ColorInts> luma_ints(ColorFloatVector r, ColorFloatVector g,
                                        ColorFloatVector b) {
  const ColorFloats df;
  const auto rounded = hn::MulAdd(r, hn::Set(df, 19595.0F), hn::Set(df, 32768.0F));
  const auto sum =
      hn::MulAdd(b, hn::Set(df, 7471.0F), hn::MulAdd(g, hn::Set(df, 38470.0F), rounded));
  return hn::ShiftRight<16>(hn::ConvertTo(ColorInts(), sum));
}

HWY_INLINE void blend_with(ColorFloatVector gray, ColorFloatVector color, ColorFloatVector factor,
                           BytePlane& to, std::size_t at) {
  const ColorFloats df;
  const auto value = hn::Add(gray, hn::Mul(factor, hn::Sub(color, gray)));
  const auto clipped = hn::Min(hn::Max(value, hn::Zero(df)), hn::Set(df, 255.0F));
  to.put(hn::ConvertTo(ColorInts(), clipped), at);
}

#endif

std::uint64_t luma_sum(const std::uint8_t* rgb, std::size_t count) {
  std::uint64_t sum = 0;
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t step = hn::Lanes(ColorWholeBytes());
  // A lane grows by at most 4 * 255 a turn.
  constexpr std::size_t kTurns = std::size_t{1} << 20;
  while (i + step <= count) {
    auto sums = hn::Zero(ColorInts());
    for (std::size_t turn = 0; turn < kTurns && i + step <= count; ++turn, i += step) {
      LumaPixels pixels;
      pixels.load(rgb + i * 3);
      for (std::size_t k = 0; k < step; k += hn::Lanes(ColorFloats())) {
        sums = hn::Add(
            sums, luma_ints(pixels.red.floats(k), pixels.green.floats(k), pixels.blue.floats(k)));
      }
    }
    HWY_ALIGN std::int32_t lanes[HWY_MAX_BYTES / sizeof(std::int32_t)];
    hn::Store(sums, ColorInts(), lanes);
    for (std::size_t k = 0; k < hn::Lanes(ColorInts()); ++k) {
      sum += static_cast<std::uint64_t>(lanes[k]);
    }
  }
#endif
  for (rgb += i * 3; i < count; ++i, rgb += 3) sum += luma_of(rgb[0], rgb[1], rgb[2]);
  return sum;
}

void make_pixels_gray(std::uint8_t* rgb, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t step = hn::Lanes(ColorWholeBytes());
  for (; i + step <= count; i += step, rgb += 3 * step) {
    LumaPixels pixels;
    pixels.load(rgb);
    for (std::size_t k = 0; k < step; k += hn::Lanes(ColorFloats())) {
      const auto luma =
          luma_ints(pixels.red.floats(k), pixels.green.floats(k), pixels.blue.floats(k));
      pixels.red.put(luma, k);
    }
    const ColorByteVector gray = pixels.red.load();
    hn::StoreInterleaved3(gray, gray, gray, ColorWholeBytes(), rgb);
  }
#endif
  for (; i < count; ++i, rgb += 3) {
    const std::uint8_t gray = luma_of(rgb[0], rgb[1], rgb[2]);
    rgb[0] = rgb[1] = rgb[2] = gray;
  }
}

void saturate_pixels(std::uint8_t* rgb, std::size_t count, float factor) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const ColorFloats df;
  const auto factors = hn::Set(df, factor);
  const std::size_t step = hn::Lanes(ColorWholeBytes());
  for (; i + step <= count; i += step, rgb += 3 * step) {
    LumaPixels pixels;
    pixels.load(rgb);
    for (std::size_t k = 0; k < step; k += hn::Lanes(df)) {
      const auto r = pixels.red.floats(k);
      const auto g = pixels.green.floats(k);
      const auto b = pixels.blue.floats(k);
      const auto gray = hn::ConvertTo(df, luma_ints(r, g, b));
      blend_with(gray, r, factors, pixels.red, k);
      blend_with(gray, g, factors, pixels.green, k);
      blend_with(gray, b, factors, pixels.blue, k);
    }
    hn::StoreInterleaved3(pixels.red.load(), pixels.green.load(), pixels.blue.load(),
                          ColorWholeBytes(), rgb);
  }
#endif
  for (; i < count; ++i, rgb += 3) {
    const std::uint8_t gray = luma_of(rgb[0], rgb[1], rgb[2]);
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = blended(gray, rgb[c], factor);
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(luma_sum);
HWY_EXPORT(make_pixels_gray);
HWY_EXPORT(saturate_pixels);

std::uint8_t mean_luma(ImageView image) {
  std::uint64_t sum = 0;
  for_each_run(image, [&](const std::uint8_t* rgb, std::size_t count) {
    sum += HWY_DYNAMIC_DISPATCH(luma_sum)(rgb, count);
  });
  const double pixels = static_cast<double>(image.width) * image.height;
  return static_cast<std::uint8_t>(std::floor(static_cast<double>(sum) / pixels + 0.5));
}

void make_gray(MutableImageView image) {
  for_each_run(image, [](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(make_pixels_gray)(rgb, count);
  });
}

void blend_with_luma(float factor, MutableImageView image) {
  for_each_run(image, [&](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(saturate_pixels)(rgb, count, factor);
  });
}

}  // namespace millrace
#endif
