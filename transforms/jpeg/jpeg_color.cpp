// A step takes as many pixels as a vector has bytes, those at even and those at odd places in two
// vectors of 16 bits each: a chroma sample of half width belongs to one of either.

#include "millrace/transforms/jpeg/jpeg_color.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/jpeg/jpeg_color.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::jpeg::color::HWY_NAMESPACE {

// Interleaving and packing within 128 bits are used as x86 defines them.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

namespace hn = hwy::HWY_NAMESPACE;

using Bytes8 = hn::ScalableTag<std::uint8_t>;
using Words16 = hn::RepartitionToWide<Bytes8>;
using Signed16 = hn::RebindToSigned<Words16>;
using Word = hn::Vec<Words16>;
using SignedWord = hn::Vec<Signed16>;

constexpr std::size_t kStep = hn::MaxLanes(Bytes8());

/// The samples at even and at odd places.
struct Samples16 {
  Word even;
  Word odd;
};

HWY_INLINE Samples16 load_full(const std::uint8_t* from) {
  const Words16 d16;
  const auto bytes = hn::BitCast(d16, hn::LoadU(Bytes8(), from));
  return {hn::And(bytes, hn::Set(d16, 0x00FF)), hn::ShiftRight<8>(bytes)};
}

HWY_INLINE Word load_half(const std::uint8_t* from) {
  const hn::Half<Bytes8> half;
  return hn::PromoteTo(Words16(), hn::LoadU(half, from));
}

HWY_INLINE Word three_times(Word v) { return hn::Add(v, hn::Add(v, v)); }

/// 3 * near + far, for samples of half width.
HWY_INLINE Word load_blend(const std::uint8_t* near, const std::uint8_t* far) {
  return hn::Add(three_times(load_half(near)), load_half(far));
}

template <Upsampling kUpsampling>
HWY_INLINE Samples16 upsample(const SampleRow& row, std::size_t c, std::size_t x) {
  const Words16 d16;
  if constexpr (kUpsampling == Upsampling::none) return load_full(row.near[c] + x);
  if constexpr (kUpsampling == Upsampling::v2) {
    const Samples16 near = load_full(row.near[c] + x);
    const Samples16 far = load_full(row.far[c] + x);
    const auto bias = hn::Set(d16, row.far_is_below ? 2 : 1);
    return {hn::ShiftRight<2>(hn::Add(hn::Add(three_times(near.even), far.even), bias)),
            hn::ShiftRight<2>(hn::Add(hn::Add(three_times(near.odd), far.odd), bias))};
  }
  const std::uint8_t* near = row.near[c] + x / 2;
  if constexpr (kUpsampling == Upsampling::h2) {
    const auto sum = three_times(load_half(near));
    const auto even = hn::Add(hn::Add(sum, load_half(near - 1)), hn::Set(d16, 1));
    const auto odd = hn::Add(hn::Add(sum, load_half(near + 1)), hn::Set(d16, 2));
    return {hn::ShiftRight<2>(even), hn::ShiftRight<2>(odd)};
  } else {
    const std::uint8_t* far = row.far[c] + x / 2;
    const auto sum = three_times(load_blend(near, far));
    const auto even = hn::Add(hn::Add(sum, load_blend(near - 1, far - 1)), hn::Set(d16, 8));
    const auto odd = hn::Add(hn::Add(sum, load_blend(near + 1, far + 1)), hn::Set(d16, 7));
    return {hn::ShiftRight<4>(even), hn::ShiftRight<4>(odd)};
  }
}

/// What of a pixel's colour is added to its Y.
struct Offsets {
  SignedWord r;
  SignedWord g;
  SignedWord b;
};

/// (-22554 * cb - 46802 * cr + 32768) >> 16, with -46802 as 65536 less.
HWY_INLINE SignedWord green_offset(SignedWord cb, SignedWord cr) {
  const Signed16 d16;
  const hn::RepartitionToWide<Signed16> d32;
  const auto factors =
      hn::BitCast(d16, hn::Set(d32, static_cast<std::int32_t>((std::uint32_t{65536 - 46802} << 16) |
                                                              (std::uint32_t{65536 - 22554}))));
  const auto rounding = hn::Set(d32, 32768);
  auto unused = hn::Zero(d32);
  const auto low = hn::ReorderWidenMulAccumulate(d32, hn::InterleaveLower(d16, cb, cr), factors,
                                                 rounding, unused);
  const auto high = hn::ReorderWidenMulAccumulate(d32, hn::InterleaveUpper(d16, cb, cr), factors,
                                                  rounding, unused);
  return hn::Sub(hn::ReorderDemote2To(d16, hn::ShiftRight<16>(low), hn::ShiftRight<16>(high)), cr);
}

/// jdcolor.c's offsets. That the rounded 16-bit products are the same for all of -128..127 was
/// found by trying all factors; a test compares all of them.
HWY_INLINE Offsets color_offsets(Word cb_sample, Word cr_sample) {
  const Signed16 d16;
  const auto center = hn::Set(d16, 128);
  const auto cb = hn::Sub(hn::BitCast(d16, cb_sample), center);
  const auto cr = hn::Sub(hn::BitCast(d16, cr_sample), center);
  return {hn::MulFixedPoint15(hn::Add(cr, cr), hn::Set(d16, 22970)), green_offset(cb, cr),
          hn::MulFixedPoint15(hn::Add(cb, cb), hn::Set(d16, 29033))};
}

/// Clipped to bytes within each 128 bits, by name because Highway 1.0.3 packs to signed bytes only.
HWY_INLINE hn::Vec<Bytes8> pack(SignedWord a, SignedWord b) {
#if HWY_TARGET <= HWY_AVX3
  return hn::Vec<Bytes8>{_mm512_packus_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<Bytes8>{_mm256_packus_epi16(a.raw, b.raw)};
#else
  return hn::Vec<Bytes8>{_mm_packus_epi16(a.raw, b.raw)};
#endif
}

/// Even and odd values, clipped, to bytes in order.
HWY_INLINE hn::Vec<Bytes8> merge(SignedWord even, SignedWord odd) {
  const Bytes8 d8;
  alignas(16) static constexpr std::uint8_t kInTurn[16] = {0, 8,  1, 9,  2, 10, 3, 11,
                                                           4, 12, 5, 13, 6, 14, 7, 15};
  return hn::TableLookupBytes(pack(even, odd), hn::LoadDup128(d8, kInTurn));
}

HWY_INLINE hn::Vec<Bytes8> merge(Samples16 samples) {
  return hn::BitCast(Bytes8(), hn::Or(samples.even, hn::ShiftLeft<8>(samples.odd)));
}

template <Upsampling kUpsampling>
HWY_INLINE void convert_step(Colors colors, const SampleRow& row, std::size_t x,
                             std::uint8_t* rgb) {
  const Bytes8 d8;
  const Signed16 d16;
  const Samples16 second = upsample<kUpsampling>(row, 0, x);
  const Samples16 third = upsample<kUpsampling>(row, 1, x);
  if (colors == Colors::rgb) {
    hn::StoreInterleaved3(hn::LoadU(d8, row.first + x), merge(second), merge(third), d8, rgb);
    return;
  }
  const Samples16 y = load_full(row.first + x);
  const auto y_even = hn::BitCast(d16, y.even);
  const auto y_odd = hn::BitCast(d16, y.odd);
  const Offsets even = color_offsets(second.even, third.even);
  const Offsets odd = color_offsets(second.odd, third.odd);
  hn::StoreInterleaved3(merge(hn::Add(y_even, even.r), hn::Add(y_odd, odd.r)),
                        merge(hn::Add(y_even, even.g), hn::Add(y_odd, odd.g)),
                        merge(hn::Add(y_even, even.b), hn::Add(y_odd, odd.b)), d8, rgb);
}

template <Upsampling kUpsampling>
void convert(Colors colors, const SampleRow& row, std::size_t width, std::uint8_t* rgb) {
  for (std::size_t x = 0; x < width; x += kStep) {
    convert_step<kUpsampling>(colors, row, x, rgb + 3 * x);
  }
}

void run(Colors colors, Upsampling upsampling, const SampleRow& row, std::size_t width,
         std::uint8_t* rgb) {
  if (colors == Colors::gray) {
    const Bytes8 d8;
    for (std::size_t x = 0; x < width; x += kStep) {
      const auto gray = hn::LoadU(d8, row.first + x);
      hn::StoreInterleaved3(gray, gray, gray, d8, rgb + 3 * x);
    }
    return;
  }
  switch (upsampling) {
    case Upsampling::none:
      return convert<Upsampling::none>(colors, row, width, rgb);
    case Upsampling::h2:
      return convert<Upsampling::h2>(colors, row, width, rgb);
    case Upsampling::v2:
      return convert<Upsampling::v2>(colors, row, width, rgb);
    case Upsampling::h2v2:
      return convert<Upsampling::h2v2>(colors, row, width, rgb);
  }
}

#else

void run(Colors colors, Upsampling upsampling, const SampleRow& row, std::size_t width,
         std::uint8_t* rgb) {
  convert_row_scalar(colors, upsampling, row, width, rgb);
}

#endif

}  // namespace millrace::jpeg::color::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::jpeg {
namespace color {
HWY_EXPORT(run);
}  // namespace color

void convert_row(Colors colors, Upsampling upsampling, const SampleRow& row, std::size_t width,
                 std::uint8_t* rgb) {
  using namespace color;  // NOLINT: HWY_DYNAMIC_DISPATCH takes an unqualified name
  HWY_DYNAMIC_DISPATCH(run)(colors, upsampling, row, width, rgb);
}

}  // namespace millrace::jpeg
#endif
