// A vector holds one row of 1, 2 or 4 neighbouring blocks. The first pass (along columns) therefore
// takes whole vectors; a transposition within each block makes the second pass the same code; the
// way back is taken on bytes.

#include "millrace/transforms/jpeg/jpeg_idct.h"

#include <algorithm>
#include <array>

#include "millrace/transforms/jpeg/jpeg_entropy.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/jpeg/jpeg_idct.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::jpeg::idct::HWY_NAMESPACE {

// Multiply-add of neighbours and packing within 128 bits are used as x86 defines them.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

namespace hn = hwy::HWY_NAMESPACE;

using Coefficients = hn::ScalableTag<std::int16_t>;
using Wide = hn::RepartitionToWide<Coefficients>;
using Samples = hn::Repartition<std::int8_t, Coefficients>;
using Row = hn::Vec<Coefficients>;
using WideRow = hn::Vec<Wide>;

constexpr std::size_t kLanes = hn::MaxLanes(Coefficients());
constexpr std::size_t kRowStep = 8 * kTileBlocks;

/// What a pass is told at compile time: how far the results are shifted, and how many of the 8
/// inputs are known to be anything but zero.
template <int kShiftBits, int kInputs>
struct Pass {
  static constexpr int kShift = kShiftBits;
  static constexpr int kGiven = kInputs;
};

struct WidePair {
  WideRow low;
  WideRow high;
};

HWY_INLINE WideRow multiply_pairs(Row pairs, Row factors) {
  const Wide d32;
  auto unused = hn::Zero(d32);
  return hn::ReorderWidenMulAccumulate(d32, pairs, factors, hn::Zero(d32), unused);
}

/// a * factor_a + b * factor_b.
HWY_INLINE WidePair rotate(Row a, Row b, int factor_a, int factor_b) {
  const Wide d32;
  const Coefficients d16;
  const auto factors = hn::BitCast(
      d16,
      hn::Set(d32, static_cast<std::int32_t>(static_cast<std::uint32_t>(factor_b) << 16 |
                                             (static_cast<std::uint32_t>(factor_a) & 0xFFFF))));
  return {multiply_pairs(hn::InterleaveLower(d16, a, b), factors),
          multiply_pairs(hn::InterleaveUpper(d16, a, b), factors)};
}

/// v << 13, 32 bits wide.
HWY_INLINE WidePair widen(Row v) {
  const Wide d32;
  const Coefficients d16;
  const auto zero = hn::Zero(d16);
  return {hn::ShiftRight<3>(hn::BitCast(d32, hn::InterleaveLower(d16, zero, v))),
          hn::ShiftRight<3>(hn::BitCast(d32, hn::InterleaveUpper(d16, zero, v)))};
}

HWY_INLINE WidePair add(WidePair a, WidePair b) {
  return {hn::Add(a.low, b.low), hn::Add(a.high, b.high)};
}

HWY_INLINE WidePair subtract(WidePair a, WidePair b) {
  return {hn::Sub(a.low, b.low), hn::Sub(a.high, b.high)};
}

template <int kShift>
HWY_INLINE Row narrow(WidePair v) {
  return hn::ReorderDemote2To(Coefficients(), hn::ShiftRight<kShift>(v.low),
                              hn::ShiftRight<kShift>(v.high));
}

/// One dimension of jidctint's transform; the names of the sums are those of its comments.
template <class P>
HWY_INLINE void transform(P /*pass*/, std::array<Row, 8>& v) {
  const Wide d32;
  const auto rounding = hn::Set(d32, 1 << (P::kShift - 1));
  const auto with_rounding = [&](WidePair x) HWY_ATTR {
    return WidePair{hn::Add(x.low, rounding), hn::Add(x.high, rounding)};
  };
  constexpr bool kFull = P::kGiven > 4;
  // Even part.
  const WidePair tmp0 = with_rounding(widen(kFull ? hn::Add(v[0], v[4]) : v[0]));
  const WidePair tmp1 = kFull ? with_rounding(widen(hn::Sub(v[0], v[4]))) : tmp0;
  const Row in6 = kFull ? v[6] : hn::Zero(Coefficients());
  const WidePair tmp2 = rotate(v[2], in6, 4433, -10704);
  const WidePair tmp3 = rotate(v[2], in6, 10703, 4433);
  const WidePair tmp10 = add(tmp0, tmp3);
  const WidePair tmp13 = subtract(tmp0, tmp3);
  const WidePair tmp11 = add(tmp1, tmp2);
  const WidePair tmp12 = subtract(tmp1, tmp2);
  // Odd part.
  WidePair odd0;
  WidePair odd1;
  WidePair odd2;
  WidePair odd3;
  if constexpr (kFull) {
    const Row sum3 = hn::Add(v[7], v[3]);
    const Row sum4 = hn::Add(v[5], v[1]);
    const WidePair z3 = rotate(sum3, sum4, -6436, 9633);
    const WidePair z4 = rotate(sum3, sum4, 9633, 6437);
    odd0 = add(rotate(v[7], v[1], -4927, -7373), z3);
    odd3 = add(rotate(v[7], v[1], -7373, 4926), z4);
    odd1 = add(rotate(v[5], v[3], -4176, -20995), z4);
    odd2 = add(rotate(v[5], v[3], -20995, 4177), z3);
  } else {
    // The same sums of products with v[5] = v[7] = 0, one product for each input.
    odd0 = rotate(v[3], v[1], -6436, 9633 - 7373);
    odd1 = rotate(v[3], v[1], 9633 - 20995, 6437);
    odd2 = rotate(v[3], v[1], 4177 - 6436, 9633);
    odd3 = rotate(v[3], v[1], 9633, 6437 + 4926);
  }
  v[0] = narrow<P::kShift>(add(tmp10, odd3));
  v[7] = narrow<P::kShift>(subtract(tmp10, odd3));
  v[1] = narrow<P::kShift>(add(tmp11, odd2));
  v[6] = narrow<P::kShift>(subtract(tmp11, odd2));
  v[2] = narrow<P::kShift>(add(tmp12, odd1));
  v[5] = narrow<P::kShift>(subtract(tmp12, odd1));
  v[3] = narrow<P::kShift>(add(tmp13, odd0));
  v[4] = narrow<P::kShift>(subtract(tmp13, odd0));
}

/// Rows become columns within each block.
HWY_INLINE void transpose(std::array<Row, 8>& v) {
  const Coefficients d16;
  const Wide d32;
  const hn::RepartitionToWide<Wide> d64;
  std::array<WideRow, 8> pairs;  // rows 2i and 2i + 1 side by side: columns 0..3, then 4..7
  for (std::size_t i = 0; i < 4; ++i) {
    pairs[2 * i] = hn::BitCast(d32, hn::InterleaveLower(d16, v[2 * i], v[2 * i + 1]));
    pairs[2 * i + 1] = hn::BitCast(d32, hn::InterleaveUpper(d16, v[2 * i], v[2 * i + 1]));
  }
  for (std::size_t half = 0; half < 2; ++half) {
    const auto top_low = hn::BitCast(d64, hn::InterleaveLower(d32, pairs[half], pairs[2 + half]));
    const auto top_high = hn::BitCast(d64, hn::InterleaveUpper(d32, pairs[half], pairs[2 + half]));
    const auto end_low =
        hn::BitCast(d64, hn::InterleaveLower(d32, pairs[4 + half], pairs[6 + half]));
    const auto end_high =
        hn::BitCast(d64, hn::InterleaveUpper(d32, pairs[4 + half], pairs[6 + half]));
    v[4 * half] = hn::BitCast(d16, hn::InterleaveLower(d64, top_low, end_low));
    v[4 * half + 1] = hn::BitCast(d16, hn::InterleaveUpper(d64, top_low, end_low));
    v[4 * half + 2] = hn::BitCast(d16, hn::InterleaveLower(d64, top_high, end_high));
    v[4 * half + 3] = hn::BitCast(d16, hn::InterleaveUpper(d64, top_high, end_high));
  }
}

/// Clipped to samples within each 128 bits, by name because Highway 1.0.3 does not pack to bytes.
HWY_INLINE hn::Vec<Samples> pack(Row a, Row b) {
#if HWY_TARGET <= HWY_AVX3
  const hn::Vec<Samples> packed{_mm512_packs_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  const hn::Vec<Samples> packed{_mm256_packs_epi16(a.raw, b.raw)};
#else
  const hn::Vec<Samples> packed{_mm_packs_epi16(a.raw, b.raw)};
#endif
  return hn::Xor(packed, hn::Set(Samples(), -128));
}

/// Columns of each block to 8 rows of samples.
HWY_INLINE void store_columns(const std::array<Row, 8>& v, std::uint8_t* samples,
                              std::size_t stride_bytes) {
  const Samples d8;
  const Coefficients d16;
  const Wide d32;
  const hn::RepartitionToWide<Wide> d64;
  const auto even02 = pack(v[0], v[2]);
  const auto odd13 = pack(v[1], v[3]);
  const auto even46 = pack(v[4], v[6]);
  const auto odd57 = pack(v[5], v[7]);
  const auto c01 = hn::BitCast(d16, hn::InterleaveLower(d8, even02, odd13));
  const auto c23 = hn::BitCast(d16, hn::InterleaveUpper(d8, even02, odd13));
  const auto c45 = hn::BitCast(d16, hn::InterleaveLower(d8, even46, odd57));
  const auto c67 = hn::BitCast(d16, hn::InterleaveUpper(d8, even46, odd57));
  const auto top0123 = hn::BitCast(d32, hn::InterleaveLower(d16, c01, c23));
  const auto end0123 = hn::BitCast(d32, hn::InterleaveUpper(d16, c01, c23));
  const auto top4567 = hn::BitCast(d32, hn::InterleaveLower(d16, c45, c67));
  const auto end4567 = hn::BitCast(d32, hn::InterleaveUpper(d16, c45, c67));
  // Two rows of each block side by side.
  const std::array<hn::Vec<decltype(d64)>, 4> rows = {
      hn::BitCast(d64, hn::InterleaveLower(d32, top0123, top4567)),
      hn::BitCast(d64, hn::InterleaveUpper(d32, top0123, top4567)),
      hn::BitCast(d64, hn::InterleaveLower(d32, end0123, end4567)),
      hn::BitCast(d64, hn::InterleaveUpper(d32, end0123, end4567))};
  const hn::Half<hn::Repartition<std::uint8_t, Coefficients>> half;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto first = hn::LowerHalf(hn::ConcatEven(d64, rows[i], rows[i]));
    const auto second = hn::LowerHalf(hn::ConcatOdd(d64, rows[i], rows[i]));
    hn::StoreU(hn::BitCast(half, first), half, samples + 2 * i * stride_bytes);
    hn::StoreU(hn::BitCast(half, second), half, samples + (2 * i + 1) * stride_bytes);
  }
}

/// kLanes / 8 blocks. Returns the largest magnitudes of first rows, before.
template <int kRows>
HWY_INLINE Row transform_blocks(std::int16_t* coefficients, const std::int16_t* factors,
                                std::uint8_t* samples, std::size_t stride_bytes) {
  const Coefficients d16;
  const auto zero = hn::Zero(d16);
  std::array<Row, 8> v;
  for (std::size_t r = 0; r < 8; ++r) {
    if (r < kRows) {
      v[r] =
          hn::Mul(hn::Load(d16, coefficients + r * kRowStep), hn::LoadDup128(d16, factors + 8 * r));
      hn::Store(zero, d16, coefficients + r * kRowStep);
    } else {
      v[r] = zero;
    }
  }
  const Row first = hn::Max(v[0], hn::Sub(zero, v[0]));
  transform(Pass<11, kRows>(), v);
  transpose(v);
  transform(Pass<18, kRows>(), v);
  store_columns(v, samples, stride_bytes);
  return first;
}

/// Blocks that have a DC coefficient alone.
HWY_INLINE Row fill_blocks(std::int16_t* coefficients, const std::int16_t* factors,
                           std::uint8_t* samples, std::size_t stride_bytes) {
  const Coefficients d16;
  const hn::Repartition<std::uint8_t, Coefficients> d8;
  const hn::Half<decltype(d8)> half;
  const auto zero = hn::Zero(d16);
  const Row dc = hn::Mul(hn::Load(d16, coefficients), hn::LoadDup128(d16, factors));
  hn::Store(zero, d16, coefficients);
  const Row first = hn::Max(dc, hn::Sub(zero, dc));
  // (dc * 4 * 8192 + (1 << 17)) >> 18, for the first lane of each block.
  const auto sample = hn::ShiftRight<3>(hn::Add(dc, hn::Set(d16, 4)));
  const auto bytes = hn::BitCast(d8, pack(sample, sample));
  alignas(16) static constexpr std::uint8_t kFirst[16] = {};
  const auto filled = hn::TableLookupBytes(bytes, hn::LoadDup128(d8, kFirst));
  const hn::Repartition<std::uint64_t, Coefficients> d64;
  const auto words = hn::BitCast(d64, filled);
  const auto row = hn::BitCast(half, hn::LowerHalf(hn::ConcatEven(d64, words, words)));
  for (std::size_t r = 0; r < 8; ++r) hn::StoreU(row, half, samples + r * stride_bytes);
  return first;
}

bool run(std::int16_t* tiles, const std::uint8_t* lengths, std::size_t tile_count,
         const std::int16_t* factors, std::uint8_t* samples, std::size_t stride_bytes) {
  const Coefficients d16;
  auto largest = hn::Zero(d16);
  auto smallest = hn::Zero(d16);
  for (std::size_t tile = 0; tile < tile_count; ++tile) {
    for (std::size_t at = 0; at < kRowStep; at += kLanes) {
      std::int16_t* blocks = tiles + tile * kTileCoefficients + at;
      std::uint8_t* out = samples + tile * kRowStep + at;
      const std::uint8_t* length = lengths + tile * kTileBlocks + at / 8;
      const std::uint8_t longest = *std::max_element(length, length + kLanes / 8);
      Row first;
      if (longest <= 1) {
        first = fill_blocks(blocks, factors, out, stride_bytes);
      } else if (longest <= 10) {
        first = transform_blocks<4>(blocks, factors, out, stride_bytes);
      } else {
        first = transform_blocks<8>(blocks, factors, out, stride_bytes);
      }
      largest = hn::Max(largest, first);
      smallest = hn::Min(smallest, first);  // the magnitude of -32768 wraps
    }
  }
  const auto too_large = hn::Gt(largest, hn::Set(d16, 8191));
  const auto wrapped = hn::Lt(smallest, hn::Zero(d16));
  return hn::AllFalse(d16, hn::Or(too_large, wrapped));
}

#else

bool run(std::int16_t* tiles, const std::uint8_t* /*lengths*/, std::size_t tile_count,
         const std::int16_t* factors, std::uint8_t* samples, std::size_t stride_bytes) {
  Dequantization table;
  std::copy_n(factors, 64, table.factors);
  return inverse_transform_scalar(tiles, tile_count, table, samples, stride_bytes);
}

#endif

}  // namespace millrace::jpeg::idct::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::jpeg {
namespace idct {
HWY_EXPORT(run);
}  // namespace idct

bool inverse_transform(std::int16_t* tiles, const std::uint8_t* lengths, std::size_t tile_count,
                       const Dequantization& table, std::uint8_t* samples,
                       std::size_t stride_bytes) {
  using namespace idct;  // NOLINT: HWY_DYNAMIC_DISPATCH takes an unqualified name
  return HWY_DYNAMIC_DISPATCH(run)(tiles, lengths, tile_count, table.factors, samples,
                                   stride_bytes);
}

}  // namespace millrace::jpeg
#endif
