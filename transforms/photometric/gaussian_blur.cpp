#include "millrace/transforms/photometric/gaussian_blur.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/gaussian_blur.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#include "millrace/transforms/photometric/box_blur-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

using BlurTag16 = hn::ScalableTag<std::uint16_t>;
using BlurVector16 = hn::Vec<BlurTag16>;
using BlurBytes = hn::Vec<hn::Rebind<std::uint8_t, BlurTag16>>;

#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128

// A weight w is w >> 12 and w & 4095, so that 16-bit multiply-adds of pairs (near, far) are exact:
// near is at most 127 * 255.
class BlurWeights {
 public:
  explicit BlurWeights(const BoxBlur& box)
      : high_(hn::Set(Tag32(), pair(box.inner >> 12, box.outer >> 12))),
        low_(hn::Set(Tag32(), pair(box.inner & 4095, box.outer & 4095))) {}

  HWY_INLINE BlurBytes weigh(BlurVector16 near, BlurVector16 far) const {
    const BlurTag16 d16;
    const hn::RebindToSigned<BlurTag16> di16;
    // Interleaving and packing both keep to blocks of 16 bytes: what is in order stays so.
    const auto words = hn::ReorderDemote2To(di16, weighed(hn::InterleaveLower(d16, near, far)),
                                            weighed(hn::InterleaveUpper(d16, near, far)));
    return hn::DemoteTo(hn::Rebind<std::uint8_t, BlurTag16>(), words);
  }

 private:
  using Tag32 = hn::RepartitionToWide<hn::RebindToSigned<BlurTag16>>;
  using Vector32 = hn::Vec<Tag32>;

  static std::int32_t pair(std::uint32_t near, std::uint32_t far) {
    return static_cast<std::int32_t>(near | far << 16);
  }
  HWY_INLINE Vector32 weighed(BlurVector16 pairs) const {
    const Tag32 d32;
    const hn::RebindToSigned<BlurTag16> di16;
    const auto words = hn::BitCast(di16, pairs);
    const auto rounding = hn::Set(d32, 1 << 23);
    auto none = hn::Zero(d32);
    const auto high =
        hn::ReorderWidenMulAccumulate(d32, words, hn::BitCast(di16, high_), hn::Zero(d32), none);
    const auto low =
        hn::ReorderWidenMulAccumulate(d32, words, hn::BitCast(di16, low_), rounding, none);
    const auto sum = hn::Add(hn::ShiftLeft<12>(high), low);
    const hn::RebindToUnsigned<Tag32> du32;
    return hn::BitCast(d32, hn::ShiftRight<24>(hn::BitCast(du32, sum)));
  }

  Vector32 high_;
  Vector32 low_;
};

#else

class BlurWeights {
 public:
  explicit BlurWeights(const BoxBlur& box) : box_(box) {}

  HWY_INLINE BlurBytes weigh(BlurVector16 near, BlurVector16 far) const {
    const hn::Half<BlurTag16> half;
    const hn::Rebind<std::uint16_t, Tag32> to16;
    const auto lower = weighed(hn::LowerHalf(half, near), hn::LowerHalf(half, far));
    const auto upper = weighed(hn::UpperHalf(half, near), hn::UpperHalf(half, far));
    const auto words =
        hn::Combine(BlurTag16(), hn::DemoteTo(to16, upper), hn::DemoteTo(to16, lower));
    return hn::DemoteTo(hn::Rebind<std::uint8_t, BlurTag16>(),
                        hn::BitCast(hn::RebindToSigned<BlurTag16>(), words));
  }

 private:
  using Tag32 = hn::RepartitionToWide<BlurTag16>;
  using Half16 = hn::Vec<hn::Half<BlurTag16>>;

  HWY_INLINE hn::Vec<hn::RebindToSigned<Tag32>> weighed(Half16 near, Half16 far) const {
    const Tag32 d32;
    const auto sum = hn::Add(hn::Mul(hn::PromoteTo(d32, near), hn::Set(d32, box_.inner)),
                             hn::Mul(hn::PromoteTo(d32, far), hn::Set(d32, box_.outer)));
    const auto rounded = hn::Add(sum, hn::Set(d32, std::uint32_t{1} << 23));
    return hn::BitCast(hn::RebindToSigned<Tag32>(), hn::ShiftRight<24>(rounded));
  }

  BoxBlur box_;
};

#endif
#endif

// Of each byte and its neighbours `step` bytes apart, in a line that has them at both ends, too.
// Whole vectors are stored: up to kVectorSlackBytes past `count`.
void blur_line(const BoxBlur& box, const std::uint8_t* HWY_RESTRICT from,
               std::uint8_t* HWY_RESTRICT to, std::size_t count, std::size_t step) {
  const std::uint8_t* const end = from + count;
  const auto reach = static_cast<std::ptrdiff_t>((box.radius + 1) * step);
#if HWY_TARGET != HWY_SCALAR
  const BlurTag16 d16;
  const hn::Rebind<std::uint8_t, BlurTag16> d8;
  const BlurWeights weights(box);
  const auto load = [&](const std::uint8_t* at) { return hn::PromoteTo(d16, hn::LoadU(d8, at)); };
  for (; from < end; from += hn::Lanes(d16), to += hn::Lanes(d16)) {
    auto near = load(from);
    for (auto k = static_cast<std::ptrdiff_t>(step); k < reach;
         k += static_cast<std::ptrdiff_t>(step)) {
      near = hn::Add(near, hn::Add(load(from - k), load(from + k)));
    }
    const auto far = hn::Add(load(from - reach), load(from + reach));
    hn::StoreU(weights.weigh(near, far), d8, to);
  }
#else
  for (; from < end; ++from, ++to) {
    std::uint32_t near = *from;
    for (auto k = static_cast<std::ptrdiff_t>(step); k < reach;
         k += static_cast<std::ptrdiff_t>(step)) {
      near += static_cast<std::uint32_t>(from[-k]) + from[k];
    }
    const std::uint32_t far = static_cast<std::uint32_t>(from[-reach]) + from[reach];
    const std::uint32_t sum = near * box.inner + far * box.outer + (std::uint32_t{1} << 23);
    *to = static_cast<std::uint8_t>(sum >> 24);
  }
#endif
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(blur_line);

namespace {

constexpr int kBoxes = 3;

/// Two lines to blur to and fro between, each with room for what lies beyond its ends.
class BlurLines {
 public:
  BlurLines(const BoxBlur& box, std::size_t most_bytes, std::size_t most_step, PixelBuffer& scratch)
      : box_(box), margin_((box.radius + 1) * most_step + kVectorSlackBytes) {
    const std::size_t line = margin_ + most_bytes + margin_;
    from_ = scratch.reserve(2 * line) + margin_;
    to_ = from_ + line;
  }

  /// Where `bytes` bytes go to before blur() and come from afterwards.
  std::uint8_t* line() { return from_; }

  void blur(std::size_t bytes, std::size_t step) {
    for (int pass = 0; pass < kBoxes; ++pass) {
      const std::uint8_t* last = from_ + bytes - step;
      for (std::size_t beyond = 1; beyond <= box_.radius + 1; ++beyond) {
        std::memcpy(from_ - beyond * step, from_, step);
        std::memcpy(from_ + bytes + (beyond - 1) * step, last, step);
      }
      HWY_DYNAMIC_DISPATCH(blur_line)(box_, from_, to_, bytes, step);
      std::swap(from_, to_);
    }
  }

 private:
  BoxBlur box_;
  std::size_t margin_;
  std::uint8_t* from_;
  std::uint8_t* to_;
};

}  // namespace

BoxBlur box_blur_of(float sigma) {
  const float variance = sigma * sigma / static_cast<float>(kBoxes);
  const auto length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(variance) + 1.0));
  const auto whole = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
  part /= 6 * (variance - (whole + 1) * (whole + 1));
  const float radius = whole + part;

  constexpr std::uint32_t kOne = std::uint32_t{1} << 24;
  BoxBlur box;
  box.radius = static_cast<std::size_t>(radius);
  box.inner = static_cast<std::uint32_t>(static_cast<float>(kOne) / (radius * 2 + 1));
  box.outer = (kOne - static_cast<std::uint32_t>(box.radius * 2 + 1) * box.inner) / 2;
  return box;
}

void gaussian_blur(float sigma, MutableImageView image, PixelBuffer& scratch) {
  if (sigma <= 0) return;
  // A strip of columns has as many bytes a row as keep it in the first cache.
  constexpr std::size_t kStripBytes = 64;
  const auto row_bytes = static_cast<std::size_t>(image.width) * 3;
  const auto rows = static_cast<std::size_t>(image.height);
  BlurLines lines(box_blur_of(sigma), std::max(row_bytes, kStripBytes * rows), kStripBytes,
                  scratch);
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(lines.line(), image.row(y), row_bytes);
    lines.blur(row_bytes, 3);
    std::memcpy(image.row(y), lines.line(), row_bytes);
  }
  for (std::size_t left = 0; left < row_bytes; left += kStripBytes) {
    const std::size_t width = std::min(kStripBytes, row_bytes - left);
    for (std::size_t y = 0; y < rows; ++y) {
      std::memcpy(lines.line() + y * width, image.row(static_cast<int>(y)) + left, width);
    }
    lines.blur(rows * width, width);
    for (std::size_t y = 0; y < rows; ++y) {
      std::memcpy(image.row(static_cast<int>(y)) + left, lines.line() + y * width, width);
    }
  }
}

}  // namespace millrace
#endif
