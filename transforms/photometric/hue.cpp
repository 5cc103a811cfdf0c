#include "millrace/transforms/photometric/hue.h"

#include <array>
#include <cmath>
#include <cstddef>

#include "millrace/transforms/photometric/color_arithmetic.h"
#include "millrace/transforms/photometric/pixel_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/hue.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#include "millrace/transforms/photometric/color_planes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

// The hue of a pixel in sixths of the circle is base +- between / chroma.
struct HuePixels {
  BytePlane value;    // the largest channel
  BytePlane chroma;   // how far the smallest one is below it
  BytePlane between;  // how far the middle one is
  BytePlane base;     // one more than the base
  BytePlane minus;    // 2 where it is "-", otherwise 0
  BytePlane low;      // of the result: what the largest channel is not
  BytePlane falling;
  BytePlane rising;
  BytePlane sixth;  // of the circle; 6 is 0
};

HWY_INLINE void split_hue(const std::uint8_t* rgb, HuePixels& to) {
  const ColorWholeBytes d8;
  ColorByteVector r;
  ColorByteVector g;
  ColorByteVector b;
  hn::LoadInterleaved3(d8, rgb, r, g, b);
  const auto most = hn::Max(r, hn::Max(g, b));
  const auto least = hn::Min(r, hn::Min(g, b));
  const auto middle = hn::Sub(hn::Sub(hn::Add(r, hn::Add(g, b)), most), least);
  const auto two = hn::Set(d8, 2);
  const auto is_red = hn::Eq(r, most);
  const auto is_green = hn::Eq(g, most);
  // What is least where this channel is the largest says on which side of it the hue lies.
  const auto behind = hn::IfThenElse(is_red, b, hn::IfThenElse(is_green, r, g));
  const auto minus = hn::IfThenElseZero(hn::Eq(behind, least), two);
  const auto sector = hn::IfThenZeroElse(is_red, hn::IfThenElse(is_green, two, hn::Set(d8, 4)));
  to.value.store(most);
  to.chroma.store(hn::Sub(most, least));
  to.between.store(hn::Sub(most, middle));
  to.base.store(hn::Add(sector, minus));
  to.minus.store(minus);
}

// floor(255 * share) of a share in [0, 1), without the rounding of that product: 256 * share is
// exact, and so is what is left of it.
HWY_INLINE ColorFloatVector floor_of_255(ColorFloatVector share) {
  const ColorFloats df;
  const auto scaled = hn::Mul(share, hn::Set(df, 256.0F));
  const auto floored = hn::Trunc(hn::Sub(scaled, share));
  const auto is_above = hn::Lt(hn::Sub(scaled, floored), share);
  return hn::IfThenElse(is_above, hn::Sub(floored, hn::Set(df, 1.0F)), floored);
}

// round(value * share / kWhole): share counts in 255ths of saturation times 85ths of a sixth. No
// quotient lies within float32's rounding of a half: 2 * value * share is even, kWhole is odd.
HWY_INLINE hn::Vec<ColorInts> part_of_value(ColorFloatVector value, ColorFloatVector share) {
  const ColorFloats df;
  constexpr float kWhole = 255.0F * 85.0F;
  return hn::NearestInt(hn::Mul(hn::Mul(value, share), hn::Set(df, 1.0F / kWhole)));
}

// Pillow computes with float64 in between. That float32 in this order gives the same bytes is
// checked over all colours and all shifts' hues.
HWY_INLINE void turn_hue(HuePixels& pixels, std::size_t at, float shift) {
  const ColorFloats df;
  const auto one = hn::Set(df, 1.0F);
  const auto value = pixels.value.floats(at);
  const auto chroma = pixels.chroma.floats(at);
  const auto side = hn::Div(pixels.between.floats(at), hn::Max(chroma, one));
  const auto sign = hn::Sub(one, pixels.minus.floats(at));
  const auto sixths = hn::Add(hn::Sub(pixels.base.floats(at), one), hn::Mul(sign, side));
  const auto turn = hn::Div(sixths, hn::Set(df, 6.0F));
  const auto share = hn::IfThenElse(hn::Lt(turn, hn::Zero(df)), hn::Add(turn, one), turn);
  const auto shifted = hn::Add(floor_of_255(share), hn::Set(df, shift));
  const auto whole = hn::Set(df, 256.0F);
  const auto hue = hn::IfThenElse(hn::Ge(shifted, whole), hn::Sub(shifted, whole), shifted);

  const auto eightyfive = hn::Set(df, 85.0F);
  const auto double_hue = hn::Add(hue, hue);
  const auto sixth =
      hn::Trunc(hn::Mul(hn::Add(double_hue, hn::Set(df, 0.5F)), hn::Set(df, 1.0F / 85.0F)));
  const auto in_sixth = hn::Sub(double_hue, hn::Mul(sixth, eightyfive));
  const auto all = hn::Set(df, 255.0F * 85.0F);
  const auto saturation =
      hn::Trunc(hn::Mul(hn::Div(chroma, hn::Max(value, one)), hn::Set(df, 255.0F)));
  const auto part = [&](ColorFloatVector of_sixth) {
    return part_of_value(value, hn::Sub(all, hn::Mul(saturation, of_sixth)));
  };
  pixels.low.put(part(eightyfive), at);
  pixels.falling.put(part(in_sixth), at);
  pixels.rising.put(part(hn::Sub(eightyfive, in_sixth)), at);
  pixels.sixth.put(hn::ConvertTo(ColorInts(), sixth), at);
}

HWY_INLINE void join_hue(const HuePixels& from, std::uint8_t* rgb) {
  const ColorWholeBytes d8;
  const auto value = from.value.load();
  const auto low = from.low.load();
  const auto falling = from.falling.load();
  const auto rising = from.rising.load();
  const auto sixth = from.sixth.load();
  const auto is = [&](std::uint8_t which) { return hn::Eq(sixth, hn::Set(d8, which)); };
  const auto is1 = is(1);
  const auto is2 = is(2);
  const auto is3 = is(3);
  const auto is4 = is(4);
  const auto is5 = is(5);
  const auto pick = [&](ColorByteVector in0, ColorByteVector in1, ColorByteVector in2,
                        ColorByteVector in3, ColorByteVector in4, ColorByteVector in5) {
    const auto below = hn::IfThenElse(is1, in1, hn::IfThenElse(is2, in2, in0));
    return hn::IfThenElse(is3, in3, hn::IfThenElse(is4, in4, hn::IfThenElse(is5, in5, below)));
  };
  hn::StoreInterleaved3(pick(value, falling, low, low, rising, value),
                        pick(rising, value, value, falling, low, low),
                        pick(low, low, rising, value, value, falling), d8, rgb);
}

#endif

void shift_hues(std::uint8_t* rgb, std::size_t count, std::uint8_t shift) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const std::size_t step = hn::Lanes(ColorWholeBytes());
  HuePixels pixels;
  for (; i + step <= count; i += step, rgb += 3 * step) {
    split_hue(rgb, pixels);
    for (std::size_t k = 0; k < step; k += hn::Lanes(ColorFloats())) {
      turn_hue(pixels, k, static_cast<float>(shift));
    }
    join_hue(pixels, rgb);
  }
#endif
  for (; i < count; ++i, rgb += 3) shift_hue_of(rgb, shift);
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(shift_hues);

void shift_hue_of(std::uint8_t* rgb, std::uint8_t shift) {
  const int red = rgb[0];
  const int green = rgb[1];
  const int blue = rgb[2];
  const int most = std::max({red, green, blue});
  const int least = std::min({red, green, blue});
  if (most == least) return;
  const auto chroma = static_cast<float>(most - least);
  const auto below = [&](int channel) {
    return static_cast<double>(static_cast<float>(most - channel) / chroma);
  };
  double sixths = 0;
  if (red == most) {
    sixths = below(blue) - below(green);
  } else if (green == most) {
    sixths = 2.0 + below(red) - below(blue);
  } else {
    sixths = 4.0 + below(green) - below(red);
  }
  const double turn = std::fmod(static_cast<double>(static_cast<float>(sixths)) / 6.0 + 1.0, 1.0);
  const int first_hue = static_cast<int>(static_cast<double>(static_cast<float>(turn)) * 255.0);
  const float share = chroma / static_cast<float>(most);
  const int saturation = static_cast<int>(static_cast<double>(share) * 255.0);

  const int hue = (first_hue + shift) % 256;
  const double place = static_cast<double>(hue) * 6.0 / 255.0;
  const int sixth = static_cast<int>(place);
  const auto rest = static_cast<float>(place - sixth);
  const auto whole = static_cast<float>(saturation / 255.0);
  const auto part = [&](double share_taken) {
    return static_cast<std::uint8_t>(std::round(most * (1.0 - share_taken)));
  };
  const auto value = static_cast<std::uint8_t>(most);
  const std::uint8_t low = part(static_cast<double>(whole));
  const std::uint8_t falling = part(static_cast<double>(whole * rest));
  const std::uint8_t rising = part(static_cast<double>(whole) * (1.0 - static_cast<double>(rest)));
  const std::array<std::array<std::uint8_t, 3>, 6> by_sixth = {{{value, rising, low},
                                                                {falling, value, low},
                                                                {low, value, rising},
                                                                {low, falling, value},
                                                                {rising, low, value},
                                                                {value, low, falling}}};
  const auto& color = by_sixth[static_cast<std::size_t>(sixth % 6)];
  std::copy(color.begin(), color.end(), rgb);
}

void shift_hue(std::uint8_t shift, MutableImageView image) {
  for_each_run(image, [&](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(shift_hues)(rgb, count, shift);
  });
}

}  // namespace millrace
#endif
