#include "millrace/transforms/resize/bicubic_weights.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/resize/bicubic_weights.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, kBicubicStride>;
using DoubleVector = hn::Vec<Doubles>;

HWY_INLINE DoubleVector bicubic(DoubleVector x) {
  const Doubles d;
  x = hn::Abs(x);
  const auto one = hn::Set(d, 1.0);
  const auto slope = hn::Sub(hn::Mul(hn::Set(d, 1.5), x), hn::Set(d, 2.5));
  const auto near = hn::Add(hn::Mul(hn::Mul(slope, x), x), one);
  const auto square = hn::Add(hn::Mul(hn::Sub(x, hn::Set(d, 5.0)), x), hn::Set(d, 8.0));
  const auto far = hn::Mul(hn::Sub(hn::Mul(square, x), hn::Set(d, 4.0)), hn::Set(d, -0.5));
  return hn::IfThenElse(hn::Lt(x, one), near, hn::IfThenElseZero(hn::Lt(x, hn::Set(d, 2.0)), far));
}

void run_bicubic(std::span<const ResizeWeights::Taps> taps, std::span<const double> centers,
                 double step, std::size_t stride, std::span<double> scratch,
                 std::int32_t* HWY_RESTRICT values) {
  const Doubles d;
  const hn::Rebind<std::int32_t, Doubles> d32;
  const std::size_t lanes = hn::Lanes(d);
  const auto half = hn::Set(d, 0.5);
  const auto one = hn::Set(d, 1 << ResizeWeights::kFractionBits);
  const auto index = hn::Iota(d, 0.0);
  double* HWY_RESTRICT raw = scratch.data();
  for (std::size_t i = 0; i < taps.size(); ++i, values += stride) {
    const auto count = static_cast<std::size_t>(taps[i].count);
    const auto center = hn::Set(d, centers[i]);
    for (std::size_t t = 0; t < count; t += lanes) {
      const auto position =
          hn::Add(index, hn::Set(d, static_cast<double>(taps[i].first + static_cast<int>(t))));
      const auto x = hn::Mul(hn::Add(hn::Sub(position, center), half), hn::Set(d, step));
      hn::StoreU(bicubic(x), d, raw + t);
    }
    double sum = 0.0;
    for (std::size_t t = 0; t < count; ++t) sum += raw[t];
    const auto divisor = hn::Set(d, sum != 0.0 ? sum : 1.0);
    for (std::size_t t = 0; t < stride; t += lanes) {
      auto fixed = hn::Zero(d32);
      if (t < count) {
        const auto is_tap = hn::FirstN(d, count - t);
        const auto weight = hn::IfThenElseZero(is_tap, hn::Div(hn::LoadU(d, raw + t), divisor));
        const auto scaled = hn::Mul(weight, one);
        const auto rounding = hn::CopySign(half, weight);
        fixed = hn::DemoteTo(d32, hn::Add(rounding, scaled));
      }
      hn::StoreU(fixed, d32, values + t);
    }
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(run_bicubic);

void compute_bicubic_weights(std::span<const ResizeWeights::Taps> taps,
                             std::span<const double> centers, double step, std::size_t stride,
                             std::span<double> scratch, std::int32_t* values) {
  HWY_DYNAMIC_DISPATCH(run_bicubic)(taps, centers, step, stride, scratch, values);
}

}  // namespace millrace
#endif
