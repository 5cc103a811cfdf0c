#include "millrace/transforms/output/normalize_kernel.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/output/normalize_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

// A batch is far larger than the caches and is read much later: where whole vectors can be stored
// past them, what they hold stays.
bool can_stream(const void* output, std::size_t plane_bytes) {
  constexpr std::size_t kVectorBytes = HWY_MAX_BYTES;
  return reinterpret_cast<std::uintptr_t>(output) % kVectorBytes == 0 &&
         plane_bytes % kVectorBytes == 0;
}

template <bool kStream, typename Tag, typename Vector, typename Value>
HWY_INLINE void store(Vector vector, Tag tag, Value* HWY_RESTRICT to) {
  if constexpr (kStream) {
    hn::Stream(vector, tag, to);
  } else {
    hn::StoreU(vector, tag, to);
  }
}

template <bool kStream>
std::size_t split(const std::uint8_t* HWY_RESTRICT rgb, std::size_t count,
                  std::uint8_t* HWY_RESTRICT output, std::size_t plane) {
  const hn::ScalableTag<std::uint8_t> d8;
  const std::size_t step = hn::Lanes(d8);
  std::size_t done = 0;
  for (; done + step <= count; done += step, rgb += 3 * step, output += step) {
    hn::Vec<decltype(d8)> r;
    hn::Vec<decltype(d8)> g;
    hn::Vec<decltype(d8)> b;
    hn::LoadInterleaved3(d8, rgb, r, g, b);
    store<kStream>(r, d8, output);
    store<kStream>(g, d8, output + plane);
    store<kStream>(b, d8, output + 2 * plane);
  }
  return done;
}

#if HWY_NATIVE_FMA

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

HWY_INLINE FloatVector divide(FloatVector value, FloatVector high, FloatVector low) {
  return hn::MulAdd(value, high, hn::Mul(value, low));
}

HWY_INLINE FloatVector floats_of(const std::uint8_t* bytes) {
  const Floats df;
  const hn::Rebind<std::int32_t, Floats> d32;
  const hn::Rebind<std::uint8_t, Floats> d8;
  return hn::ConvertTo(df, hn::PromoteTo(d32, hn::LoadU(d8, bytes)));
}

struct Float32 {
  using Value = float;
  template <bool kStream>
  static HWY_INLINE void put(FloatVector value, Value* HWY_RESTRICT to) {
    store<kStream>(value, Floats(), to);
  }
};

// The sixteen bits that `bits` holds, each lane's.
template <bool kStream, typename Bits>
HWY_INLINE void put_halves(Bits bits, std::uint16_t* HWY_RESTRICT to) {
  const hn::Rebind<std::int32_t, Floats> d32;
  const hn::Rebind<std::uint16_t, Floats> d16;
  store<kStream>(hn::DemoteTo(d16, hn::BitCast(d32, bits)), d16, to);
}

struct Bfloat16 {
  using Value = std::uint16_t;
  template <bool kStream>
  static HWY_INLINE void put(FloatVector value, Value* HWY_RESTRICT to) {
    const hn::Rebind<std::uint32_t, Floats> d32;
    const auto bits = hn::BitCast(d32, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFF)));
    put_halves<kStream>(hn::ShiftRight<16>(rounded), to);
  }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2

// The processor's own conversion, which rounds to nearest, half to even.
struct Float16 {
  using Value = std::uint16_t;
  template <bool kStream>
  static HWY_INLINE void put(FloatVector value, Value* HWY_RESTRICT to) {
    const hn::Rebind<hwy::float16_t, Floats> d16;
    const hn::Rebind<std::uint16_t, Floats> du16;
    store<kStream>(hn::BitCast(du16, hn::DemoteTo(d16, value)), du16, to);
  }
};

#else

// As to_float16 does it: what Highway does without a conversion in the processor rounds otherwise.
struct Float16 {
  using Value = std::uint16_t;
  template <bool kStream>
  static HWY_INLINE void put(FloatVector value, Value* HWY_RESTRICT to) {
    const Floats df;
    const hn::Rebind<std::uint32_t, Floats> d32;
    const auto magnitude = hn::Abs(value);
    const auto bits = hn::BitCast(d32, magnitude);
    const auto sign = hn::And(hn::ShiftRight<16>(hn::BitCast(d32, value)), hn::Set(d32, 0x8000));
    const auto rebiased = hn::Sub(bits, hn::Set(d32, (127U - 15U) << 23));
    const auto odd = hn::And(hn::ShiftRight<13>(rebiased), hn::Set(d32, 1));
    const auto normal = hn::ShiftRight<13>(hn::Add(rebiased, hn::Add(odd, hn::Set(d32, 0xFFF))));
    const auto half = hn::Set(df, 0.5F);
    const auto small = hn::Sub(hn::BitCast(d32, hn::Add(magnitude, half)), hn::BitCast(d32, half));
    const auto is_small = hn::Lt(magnitude, hn::Set(df, 0x1p-14F));
    const auto number = hn::IfThenElse(hn::RebindMask(d32, is_small), small, normal);
    put_halves<kStream>(hn::Or(number, sign), to);
  }
};

#endif

template <typename Form, bool kStream>
std::size_t normalize_planes(const std::uint8_t* HWY_RESTRICT rgb, std::size_t count,
                             typename Form::Value* HWY_RESTRICT output, std::size_t plane,
                             const NormalizeConstants& constants) {
  const Floats df;
  const hn::Repartition<std::uint8_t, Floats> d8;
  const std::size_t lanes = hn::Lanes(df);
  const std::size_t step = hn::Lanes(d8);
  const auto unit_high = hn::Set(df, constants.unit.high);
  const auto unit_low = hn::Set(df, constants.unit.low);
  HWY_ALIGN std::uint8_t channels[3][HWY_MAX_BYTES];
  std::size_t done = 0;
  for (; done + step <= count; done += step, rgb += 3 * step, output += step) {
    hn::Vec<decltype(d8)> r;
    hn::Vec<decltype(d8)> g;
    hn::Vec<decltype(d8)> b;
    hn::LoadInterleaved3(d8, rgb, r, g, b);
    hn::Store(r, d8, channels[0]);
    hn::Store(g, d8, channels[1]);
    hn::Store(b, d8, channels[2]);
    for (std::size_t c = 0; c < 3; ++c) {
      const auto mean = hn::Set(df, constants.mean[c]);
      const auto std_high = hn::Set(df, constants.std[c].high);
      const auto std_low = hn::Set(df, constants.std[c].low);
      for (std::size_t i = 0; i < step; i += lanes) {
        const auto value = floats_of(channels[c] + i);
        const auto centered = hn::Sub(divide(value, unit_high, unit_low), mean);
        Form::template put<kStream>(divide(centered, std_high, std_low), output + c * plane + i);
      }
    }
  }
  return done;
}

// Three vectors of interleaved values are as many pixels as a vector has lanes, and begin with red.
template <typename Form, bool kStream>
std::size_t normalize_interleaved(const std::uint8_t* HWY_RESTRICT rgb, std::size_t count,
                                  typename Form::Value* HWY_RESTRICT output,
                                  const NormalizeConstants& constants) {
  const Floats df;
  const std::size_t lanes = hn::Lanes(df);
  constexpr std::size_t kMostLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float mean[3 * kMostLanes];
  HWY_ALIGN float std_high[3 * kMostLanes];
  HWY_ALIGN float std_low[3 * kMostLanes];
  for (std::size_t i = 0; i < 3 * lanes; ++i) {
    mean[i] = constants.mean[i % 3];
    std_high[i] = constants.std[i % 3].high;
    std_low[i] = constants.std[i % 3].low;
  }
  const auto unit_high = hn::Set(df, constants.unit.high);
  const auto unit_low = hn::Set(df, constants.unit.low);
  std::size_t done = 0;
  for (; done + lanes <= count; done += lanes, rgb += 3 * lanes, output += 3 * lanes) {
    for (std::size_t i = 0; i < 3 * lanes; i += lanes) {
      const auto value = floats_of(rgb + i);
      const auto centered = hn::Sub(divide(value, unit_high, unit_low), hn::Load(df, mean + i));
      Form::template put<kStream>(
          divide(centered, hn::Load(df, std_high + i), hn::Load(df, std_low + i)), output + i);
    }
  }
  return done;
}

template <typename Form, bool kStream>
std::size_t normalize(const std::uint8_t* rgb, std::size_t count, PixelLayout layout,
                      std::byte* output, std::size_t plane, const NormalizeConstants& constants) {
  auto* values = reinterpret_cast<typename Form::Value*>(output);
  if (layout == PixelLayout::hwc) {
    return normalize_interleaved<Form, kStream>(rgb, count, values, constants);
  }
  return normalize_planes<Form, kStream>(rgb, count, values, plane, constants);
}

template <typename Form>
std::size_t normalize(const std::uint8_t* rgb, std::size_t count, PixelLayout layout,
                      std::byte* output, std::size_t plane, const NormalizeConstants& constants) {
  const std::size_t apart = layout == PixelLayout::chw ? plane : 0;
  if (!can_stream(output, apart * sizeof(typename Form::Value))) {
    return normalize<Form, false>(rgb, count, layout, output, plane, constants);
  }
  const std::size_t done = normalize<Form, true>(rgb, count, layout, output, plane, constants);
  hwy::FlushStream();
  return done;
}

std::size_t normalize_floats(const std::uint8_t* rgb, std::size_t count, PixelForm form,
                             std::byte* output, std::size_t plane,
                             const NormalizeConstants& constants) {
  switch (form.dtype) {
    case Dtype::float32:
      return normalize<Float32>(rgb, count, form.layout, output, plane, constants);
    case Dtype::float16:
      return normalize<Float16>(rgb, count, form.layout, output, plane, constants);
    case Dtype::bfloat16:
      return normalize<Bfloat16>(rgb, count, form.layout, output, plane, constants);
    default:
      return 0;
  }
}

#else

std::size_t normalize_floats(const std::uint8_t* /*rgb*/, std::size_t /*count*/, PixelForm /*form*/,
                             std::byte* /*output*/, std::size_t /*plane*/,
                             const NormalizeConstants& /*constants*/) {
  return 0;
}

#endif

std::size_t run(const std::uint8_t* rgb, std::size_t count, PixelForm form, std::byte* output,
                std::size_t plane, const NormalizeConstants& constants) {
  if (form.dtype != Dtype::uint8) {
    return normalize_floats(rgb, count, form, output, plane, constants);
  }
  if (form.layout == PixelLayout::hwc) return 0;
  auto* bytes = reinterpret_cast<std::uint8_t*>(output);
  if (!can_stream(bytes, plane)) return split<false>(rgb, count, bytes, plane);
  const std::size_t done = split<true>(rgb, count, bytes, plane);
  hwy::FlushStream();
  return done;
}

#else

std::size_t run(const std::uint8_t* /*rgb*/, std::size_t /*count*/, PixelForm /*form*/,
                std::byte* /*output*/, std::size_t /*plane*/,
                const NormalizeConstants& /*constants*/) {
  return 0;
}

#endif

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(run);

Reciprocal Reciprocal::of(float divisor) {
  const double reciprocal = 1.0 / static_cast<double>(divisor);
  const auto high = static_cast<float>(reciprocal);
  return {high, static_cast<float>(reciprocal - static_cast<double>(high))};
}

float Reciprocal::divide(float value) const { return std::fma(value, high, value * low); }

std::size_t normalize_with_vectors(const std::uint8_t* rgb, std::size_t count, PixelForm form,
                                   std::byte* output, std::size_t plane,
                                   const NormalizeConstants& constants) {
  return HWY_DYNAMIC_DISPATCH(run)(rgb, count, form, output, plane, constants);
}

}  // namespace millrace
#endif
