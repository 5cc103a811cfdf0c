#include "millrace/transforms/normalize_kernel.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/normalize_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

HWY_INLINE FloatVector divide(FloatVector value, FloatVector high, FloatVector low) {
  return hn::MulAdd(value, high, hn::Mul(value, low));
}

template <bool kStream>
std::size_t normalize(const std::uint8_t* HWY_RESTRICT rgb, std::size_t count,
                      float* HWY_RESTRICT output, std::size_t plane,
                      const NormalizeConstants& constants) {
  const Floats df;
  const hn::Rebind<std::int32_t, Floats> d32;
  const hn::Repartition<std::uint8_t, Floats> d8;
  const hn::Rebind<std::uint8_t, Floats> d8_part;
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
        const auto bytes = hn::Load(d8_part, channels[c] + i);
        const auto value = hn::ConvertTo(df, hn::PromoteTo(d32, bytes));
        const auto centered = hn::Sub(divide(value, unit_high, unit_low), mean);
        const auto normalized = divide(centered, std_high, std_low);
        if constexpr (kStream) {
          hn::Stream(normalized, df, output + c * plane + i);
        } else {
          hn::StoreU(normalized, df, output + c * plane + i);
        }
      }
    }
  }
  return done;
}

std::size_t run(const std::uint8_t* rgb, std::size_t count, float* output, std::size_t plane,
                const NormalizeConstants& constants) {
  constexpr std::size_t kVectorBytes = HWY_MAX_BYTES;
  // A batch is far larger than the caches and is read much later: where whole vectors can be stored
  // past them, what they hold stays.
  if (reinterpret_cast<std::uintptr_t>(output) % kVectorBytes == 0 &&
      plane * sizeof(float) % kVectorBytes == 0) {
    const std::size_t done = normalize<true>(rgb, count, output, plane, constants);
    hwy::FlushStream();
    return done;
  }
  return normalize<false>(rgb, count, output, plane, constants);
}

#else

std::size_t run(const std::uint8_t* /*rgb*/, std::size_t /*count*/, float* /*output*/,
                std::size_t /*plane*/, const NormalizeConstants& /*constants*/) {
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

std::size_t normalize_with_vectors(const std::uint8_t* rgb, std::size_t count, float* output,
                                   std::size_t plane, const NormalizeConstants& constants) {
  return HWY_DYNAMIC_DISPATCH(run)(rgb, count, output, plane, constants);
}

}  // namespace millrace
#endif
