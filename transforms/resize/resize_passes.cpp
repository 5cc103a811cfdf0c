// Pillow's two passes on vectors of 32-bit sums.
//
// Along x the lanes of a vector are rows: as many rows as there are lanes go through together, so a
// weight is one broadcast for all of them and nothing has to be gathered. For that, the pixels of
// these rows are first regrouped: a lane of a "quad" vector holds one channel of four neighbouring
// pixels of one row, split into two vectors of 16-bit pairs. Each output is then a chain of
// multiply-add instructions.
//
// The results are stored as pairs of rows (a 32-bit lane holds the bytes of two rows that lie below
// one another), which is the form in which the pass along y multiplies and adds them; there the
// lanes are columns.

#include "millrace/transforms/resize/resize_passes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

// With it comes a target whose multiply-add is one instruction (VNNI).
#define HWY_WANT_AVX3_DL 1
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/resize/resize_passes.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

// Multiply-add of neighbours and packing within 128 bits are used as x86 defines them.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

namespace hn = hwy::HWY_NAMESPACE;

using Sums = hn::ScalableTag<std::int32_t>;
using Words = hn::RepartitionToWide<Sums>;
using Halves = hn::Repartition<std::int16_t, Sums>;
using Bytes = hn::Repartition<std::uint8_t, Sums>;
using SumVector = hn::Vec<Sums>;

constexpr std::size_t kLanes = hn::MaxLanes(Sums());
constexpr std::size_t kBlocks = kLanes / 4;  // of 128 bits
constexpr std::int32_t kRounding = 1 << 21;
constexpr std::size_t kMinColumns = 6;  // 18 bytes: every row holds a load of 16
/// 32-bit lanes of one quad: three channels, even and odd pixels.
constexpr std::size_t kQuadLanes = 6 * kLanes;

template <typename D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const std::uint8_t* const* rows, std::size_t row_step,
                                  std::size_t offset) {
  if constexpr (hn::MaxLanes(D()) == 16) {
    return hn::LoadU(d, rows[0] + offset);
  } else {
    constexpr std::size_t kHalf = hn::MaxLanes(D()) / 32;
    const hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, rows + kHalf * row_step, row_step, offset),
                       load_blocks(half, rows, row_step, offset));
  }
}

template <typename D>
HWY_INLINE void store_blocks(hn::Vec<D> v, D d, std::int32_t* to, std::size_t step) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    hn::StoreU(v, d, to);
  } else {
    constexpr std::size_t kHalf = hn::MaxLanes(D()) / 8;
    const hn::Half<D> half;
    store_blocks(hn::LowerHalf(half, v), half, to, step);
    store_blocks(hn::UpperHalf(half, v), half, to + kHalf * step, step);
  }
}

/// Regroups one quad of kLanes rows. `shuffle` takes a row's 16 bytes to four bytes of each
/// channel.
HWY_INLINE void regroup_quad(const std::uint8_t* const* rows, std::size_t offset,
                             hn::Vec<Bytes> shuffle, std::int32_t* HWY_RESTRICT quad) {
  const Bytes d8;
  const Sums d32;
  const Halves d16;
  const hn::Repartition<std::uint16_t, Sums> du16;
  const hn::Repartition<std::uint64_t, Sums> d64;
  const auto row0 =
      hn::BitCast(d32, hn::TableLookupBytesOr0(load_blocks(d8, rows, 4, offset), shuffle));
  const auto row1 =
      hn::BitCast(d32, hn::TableLookupBytesOr0(load_blocks(d8, rows + 1, 4, offset), shuffle));
  const auto row2 =
      hn::BitCast(d32, hn::TableLookupBytesOr0(load_blocks(d8, rows + 2, 4, offset), shuffle));
  const auto row3 =
      hn::BitCast(d32, hn::TableLookupBytesOr0(load_blocks(d8, rows + 3, 4, offset), shuffle));
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d32, row0, row1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d32, row2, row3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d32, row0, row1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d32, row2, row3));
  const std::array channels = {hn::InterleaveLower(d64, low01, low23),
                               hn::InterleaveUpper(d64, low01, low23),
                               hn::InterleaveLower(d64, high01, high23)};
  const auto even_mask = hn::Set(du16, 0x00FF);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto pixels = hn::BitCast(du16, channels[c]);
    const auto even = hn::BitCast(d16, hn::And(pixels, even_mask));
    const auto odd = hn::BitCast(d16, hn::ShiftRight<8>(pixels));
    hn::Store(hn::BitCast(d32, even), d32, quad + 2 * c * kLanes);
    hn::Store(hn::BitCast(d32, odd), d32, quad + (2 * c + 1) * kLanes);
  }
}

HWY_INLINE SumVector multiply_add(SumVector sum, hn::Vec<Halves> a, std::int32_t word) {
  const Sums d32;
  const Halves d16;
  const auto factors = hn::BitCast(d16, hn::Set(d32, word));
#if HWY_TARGET == HWY_AVX3_DL
  // By its name, because Highway 1.0.3 does not switch the intrinsic on for this target.
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(factors.raw));
  return sum;
#else
  auto unused = hn::Zero(d32);
  return hn::ReorderWidenMulAccumulate(d32, a, factors, sum, unused);
#endif
}

/// high * 2048 + low, with the 22 fractional bits dropped; `low` holds the rounding.
HWY_INLINE SumVector whole_part(SumVector high, SumVector low) {
  return hn::ShiftRight<22>(hn::Add(hn::ShiftLeft<11>(high), low));
}

/// One output pixel of kLanes rows, three channels, not yet clipped.
HWY_INLINE std::array<SumVector, 3> sum_pixel(const std::int32_t* HWY_RESTRICT quad,
                                              std::size_t quad_count,
                                              const std::int32_t* HWY_RESTRICT words) {
  const Sums d32;
  const Halves d16;
  SumVector r_high = hn::Zero(d32);
  SumVector g_high = hn::Zero(d32);
  SumVector b_high = hn::Zero(d32);
  SumVector r_low = hn::Set(d32, kRounding);
  SumVector g_low = r_low;
  SumVector b_low = r_low;
  for (; quad_count != 0; --quad_count, quad += kQuadLanes, words += 4) {
    for (std::size_t odd = 0; odd < 2; ++odd) {
      const std::int32_t* data = quad + odd * kLanes;
      const auto r = hn::BitCast(d16, hn::Load(d32, data));
      const auto g = hn::BitCast(d16, hn::Load(d32, data + 2 * kLanes));
      const auto b = hn::BitCast(d16, hn::Load(d32, data + 4 * kLanes));
      const std::int32_t high = words[2 * odd];
      const std::int32_t low = words[2 * odd + 1];
      r_high = multiply_add(r_high, r, high);
      r_low = multiply_add(r_low, r, low);
      g_high = multiply_add(g_high, g, high);
      g_low = multiply_add(g_low, g, low);
      b_high = multiply_add(b_high, b, high);
      b_low = multiply_add(b_low, b, low);
    }
  }
  return {whole_part(r_high, r_low), whole_part(g_high, g_low), whole_part(b_high, b_low)};
}

HWY_INLINE hn::Vec<Words> pack_and_clip(SumVector first, SumVector second) {
  const Halves d16;
  const auto packed = hn::ReorderDemote2To(d16, first, second);
  return hn::BitCast(Words(), hn::Min(hn::Max(packed, hn::Zero(d16)), hn::Set(d16, 255)));
}

/// Four neighbouring columns of kLanes rows, stored as kLanes / 2 pairs of rows.
HWY_INLINE void store_columns(SumVector a, SumVector b, SumVector c, SumVector d,
                              std::int32_t* pairs, std::size_t stride) {
  const Sums d32;
  const auto ac = pack_and_clip(a, c);
  const auto bd = pack_and_clip(b, d);
  const auto even = hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(bd)), hn::BitCast(d32, ac));
  const auto odd = hn::OddEven(
      hn::BitCast(d32, bd),
      hn::BitCast(d32, hn::ShiftRight<32>(hn::BitCast(hn::RebindToUnsigned<Words>(), ac))));
  store_blocks(even, d32, pairs, 2 * stride);
  store_blocks(odd, d32, pairs + stride, 2 * stride);
}

/// Where the bytes of a quad lie within a row's 16 bytes.
HWY_INLINE hn::Vec<Bytes> shuffle_for(int column, int width, std::ptrdiff_t load_offset) {
  alignas(16) std::array<std::uint8_t, 16> from;
  from.fill(0x80);
  for (int c = 0; c < 3; ++c) {
    for (int p = 0; p < 4 && column + p < width; ++p) {
      from[static_cast<std::size_t>(c * 4 + p)] =
          static_cast<std::uint8_t>((column + p) * 3 + c - load_offset);
    }
  }
  return hn::LoadDup128(Bytes(), from.data());
}

/// The pass along x for the rows that the pass along y needs.
void pass_along_x(ImageView input, const HorizontalWords& horizontal, int first_row, int last_row,
                  std::int32_t* quads, std::int32_t* pairs, std::size_t stride) {
  const std::ptrdiff_t last_load = static_cast<std::ptrdiff_t>(input.width) * 3 - 16;
  const auto whole_shuffle = shuffle_for(0, 4, 0);
  std::array<const std::uint8_t*, kLanes> rows;
  for (int y = first_row; y < last_row; y += static_cast<int>(kLanes)) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      rows[i] = input.row(std::min(y + static_cast<int>(i), last_row - 1));
    }
    for (std::size_t quad = 0; quad < horizontal.quad_count; ++quad) {
      const int column = horizontal.first_column + static_cast<int>(quad) * 4;
      const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(column) * 3;
      std::int32_t* to = quads + quad * kQuadLanes;
      if (offset <= last_load) {
        regroup_quad(rows.data(), static_cast<std::size_t>(offset), whole_shuffle, to);
      } else {
        regroup_quad(rows.data(), static_cast<std::size_t>(last_load),
                     shuffle_for(column, input.width, last_load), to);
      }
    }
    std::int32_t* out = pairs + static_cast<std::size_t>(y - first_row) / 2 * stride;
    const auto pixel = [&](const HorizontalWords::Output& output) HWY_ATTR {
      return sum_pixel(quads + output.first_quad * kQuadLanes, output.quad_count,
                       horizontal.words.data() + output.first_word);
    };
    for (std::size_t x = 0; x < horizontal.outputs.size(); x += 4, out += 12) {
      const auto p0 = pixel(horizontal.outputs[x]);
      const auto p1 = pixel(horizontal.outputs[x + 1]);
      store_columns(p0[0], p0[1], p0[2], p1[0], out, stride);
      const auto p2 = pixel(horizontal.outputs[x + 2]);
      store_columns(p1[1], p1[2], p2[0], p2[1], out + 4, stride);
      const auto p3 = pixel(horizontal.outputs[x + 3]);
      store_columns(p2[2], p3[0], p3[1], p3[2], out + 8, stride);
    }
  }
}

/// `kVectors` x kLanes columns of one output row.
template <std::size_t kVectors>
HWY_INLINE void sum_columns(const std::int32_t* HWY_RESTRICT pairs, std::size_t stride,
                            std::size_t pair_count, const std::int32_t* HWY_RESTRICT words,
                            std::uint8_t* HWY_RESTRICT out) {
  const Sums d32;
  const Halves d16;
  const hn::Rebind<std::uint8_t, Sums> d8;
  SumVector high[kVectors];
  SumVector low[kVectors];
  for (std::size_t i = 0; i < kVectors; ++i) {
    high[i] = hn::Zero(d32);
    low[i] = hn::Set(d32, kRounding);
  }
  for (; pair_count != 0; --pair_count, pairs += stride, words += 2) {
    for (std::size_t i = 0; i < kVectors; ++i) {
      const auto data = hn::BitCast(d16, hn::LoadU(d32, pairs + i * kLanes));
      high[i] = multiply_add(high[i], data, words[0]);
      low[i] = multiply_add(low[i], data, words[1]);
    }
  }
  for (std::size_t i = 0; i < kVectors; ++i) {
    hn::StoreU(hn::DemoteTo(d8, whole_part(high[i], low[i])), d8, out + i * kLanes);
  }
}

void pass_along_y(const std::int32_t* pairs, std::size_t stride, const VerticalWords& vertical,
                  MutableImageView output) {
  const std::size_t row_bytes = static_cast<std::size_t>(output.width) * 3;
  constexpr std::size_t kMany = 7;  // sums enough to hide the latency of multiply-add
  for (int y = 0; y < output.height; ++y) {
    const VerticalWords::Output& taps = vertical.outputs[static_cast<std::size_t>(y)];
    const std::int32_t* from = pairs + taps.first_pair * stride;
    const std::int32_t* words = vertical.words.data() + taps.first_word;
    std::uint8_t* out = output.row(y);
    std::size_t x = 0;
    for (; x + kMany * kLanes <= row_bytes; x += kMany * kLanes) {
      sum_columns<kMany>(from + x, stride, taps.pair_count, words, out + x);
    }
    for (; x + kLanes <= row_bytes; x += kLanes) {
      sum_columns<1>(from + x, stride, taps.pair_count, words, out + x);
    }
    if (x < row_bytes) {
      std::array<std::uint8_t, kLanes> last;
      sum_columns<1>(from + x, stride, taps.pair_count, words, last.data());
      std::memcpy(out + x, last.data(), row_bytes - x);
    }
  }
}

bool run(ImageView input, const HorizontalWords& horizontal, const VerticalWords& vertical,
         MutableImageView output, ResizeScratch& scratch) {
  if (input.width < static_cast<int>(kMinColumns)) return false;
  const auto rows = static_cast<std::size_t>(std::max(0, vertical.last_row - vertical.first_row));
  const std::size_t groups = (rows + kLanes - 1) / kLanes;
  // A row of pairs ends with what the last vector along y may read.
  const std::size_t stride = (horizontal.outputs.size() * 3 + kLanes - 1) / kLanes * kLanes;
  auto* quads = reinterpret_cast<std::int32_t*>(
      scratch.quads.reserve(std::max<std::size_t>(1, horizontal.quad_count) * kQuadLanes * 4));
  auto* pairs = reinterpret_cast<std::int32_t*>(
      scratch.pairs.reserve((groups * kLanes / 2 + 1) * stride * 4));
  pass_along_x(input, horizontal, vertical.first_row, vertical.last_row, quads, pairs, stride);
  pass_along_y(pairs, stride, vertical, output);
  return true;
}

#else

bool run(ImageView /*input*/, const HorizontalWords& /*horizontal*/,
         const VerticalWords& /*vertical*/, MutableImageView /*output*/,
         ResizeScratch& /*scratch*/) {
  return false;
}

#endif

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(run);

bool resize_with_vectors(ImageView input, const HorizontalWords& horizontal,
                         const VerticalWords& vertical, MutableImageView output,
                         ResizeScratch& scratch) {
  return HWY_DYNAMIC_DISPATCH(run)(input, horizontal, vertical, output, scratch);
}

}  // namespace millrace
#endif
