#include "millrace/transforms/jpeg/jpeg_unstuff.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/jpeg/jpeg_unstuff.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::jpeg::unstuffing::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Copies up to and without the first FF; at most as many bytes behind the end of what is copied
/// are written, too, as a vector has. Returns how many were copied, `size` if there is no FF.
HWY_INLINE std::size_t copy_until_ff(const std::uint8_t* HWY_RESTRICT in, std::size_t size,
                                     std::uint8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto ff = hn::Set(d, 0xFF);
  std::size_t at = 0;
  for (; at + lanes <= size; at += lanes) {
    const auto bytes = hn::LoadU(d, in + at);
    hn::StoreU(bytes, d, out + at);
    const auto found = hn::FindFirstTrue(d, hn::Eq(bytes, ff));
    if (found >= 0) return at + static_cast<std::size_t>(found);
  }
  for (; at < size && in[at] != 0xFF; ++at) out[at] = in[at];
  return at;
}

bool run(const std::uint8_t* in, std::size_t size, std::uint8_t* out, std::size_t* ends,
         std::size_t intervals) {
  std::size_t from = 0;
  std::size_t to = 0;
  std::size_t interval = 0;
  while (true) {
    const std::size_t copied = copy_until_ff(in + from, size - from, out + to);
    from += copied;
    to += copied;
    if (size - from < 2) return false;
    const unsigned next = in[from + 1];
    from += 2;
    if (next == 0) {
      out[to++] = 0xFF;
      continue;
    }
    if (interval == intervals) return false;
    ends[interval] = to;
    if (next == 0xD9) break;
    if (next != (0xD0 | (interval & 7))) return false;
    ++interval;
  }
  std::memset(out + to, 0, kScanPaddingBytes);
  return interval + 1 == intervals;
}

}  // namespace millrace::jpeg::unstuffing::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::jpeg {
namespace unstuffing {
HWY_EXPORT(run);
}  // namespace unstuffing

bool unstuff(std::span<const std::uint8_t> scan, std::uint8_t* out, std::span<std::size_t> ends) {
  using namespace unstuffing;  // NOLINT: HWY_DYNAMIC_DISPATCH takes an unqualified name
  return HWY_DYNAMIC_DISPATCH(run)(scan.data(), scan.size(), out, ends.data(), ends.size());
}

}  // namespace millrace::jpeg
#endif
