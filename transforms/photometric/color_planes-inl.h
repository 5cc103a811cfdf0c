// As foreach_target wants it: once for each set of instructions.
#if defined(MILLRACE_TRANSFORMS_PHOTOMETRIC_COLOR_PLANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef MILLRACE_TRANSFORMS_PHOTOMETRIC_COLOR_PLANES_INL_H
#undef MILLRACE_TRANSFORMS_PHOTOMETRIC_COLOR_PLANES_INL_H
#else
#define MILLRACE_TRANSFORMS_PHOTOMETRIC_COLOR_PLANES_INL_H
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

using ColorFloats = hn::ScalableTag<float>;
using ColorInts = hn::Rebind<std::int32_t, ColorFloats>;
using ColorBytes = hn::Rebind<std::uint8_t, ColorFloats>;  ///< as many as a vector has floats
using ColorWholeBytes = hn::Repartition<std::uint8_t, ColorFloats>;
using ColorFloatVector = hn::Vec<ColorFloats>;
using ColorByteVector = hn::Vec<ColorWholeBytes>;

/// As many bytes as a vector has, on their way from one width of lanes to another.
struct BytePlane {
  HWY_ALIGN std::uint8_t bytes[HWY_MAX_BYTES];

  HWY_INLINE void store(ColorByteVector vector) { hn::Store(vector, ColorWholeBytes(), bytes); }
  HWY_INLINE ColorByteVector load() const { return hn::Load(ColorWholeBytes(), bytes); }
  HWY_INLINE ColorFloatVector floats(std::size_t at) const {
    const auto ints = hn::PromoteTo(ColorInts(), hn::Load(ColorBytes(), bytes + at));
    return hn::ConvertTo(ColorFloats(), ints);
  }
  HWY_INLINE void put(hn::Vec<ColorInts> values, std::size_t at) {
    hn::Store(hn::DemoteTo(ColorBytes(), values), ColorBytes(), bytes + at);
  }
};

#endif

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
