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

// Of each byte and its neighbours `step` bytes apart, in a line that has them at both ends, too.
// Whole vectors are stored: up to HWY_MAX_BYTES past `count`.
void blur_line(const BoxBlur& box, const std::uint8_t* HWY_RESTRICT from,
               std::uint8_t* HWY_RESTRICT to, std::size_t count, std::size_t step) {
  const std::uint8_t* const end = from + count;
  const auto reach = static_cast<std::ptrdiff_t>((box.radius + 1) * step);
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint16_t> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const hn::Repartition<std::uint32_t, decltype(d16)> d32;
  const hn::Half<decltype(d16)> half16;
  const auto inner = hn::Set(d32, box.inner);
  const auto outer = hn::Set(d32, box.outer);
  const auto rounding = hn::Set(d32, std::uint32_t{1} << 23);
  const auto load = [&](const std::uint8_t* at) { return hn::PromoteTo(d16, hn::LoadU(d8, at)); };
  const auto weighed = [&](hn::Vec<decltype(half16)> near, hn::Vec<decltype(half16)> far) {
    const auto sum =
        hn::Add(hn::Mul(hn::PromoteTo(d32, near), inner), hn::Mul(hn::PromoteTo(d32, far), outer));
    return hn::BitCast(hn::RebindToSigned<decltype(d32)>(),
                       hn::ShiftRight<24>(hn::Add(sum, rounding)));
  };
  const hn::Rebind<std::uint8_t, decltype(d32)> quarter8;
  for (; from < end; from += hn::Lanes(d16), to += hn::Lanes(d16)) {
    auto near = load(from);
    for (auto k = static_cast<std::ptrdiff_t>(step); k < reach;
         k += static_cast<std::ptrdiff_t>(step)) {
      near = hn::Add(near, hn::Add(load(from - k), load(from + k)));
    }
    const auto far = hn::Add(load(from - reach), load(from + reach));
    hn::StoreU(
        hn::DemoteTo(quarter8, weighed(hn::LowerHalf(half16, near), hn::LowerHalf(half16, far))),
        quarter8, to);
    hn::StoreU(
        hn::DemoteTo(quarter8, weighed(hn::UpperHalf(half16, near), hn::UpperHalf(half16, far))),
        quarter8, to + hn::Lanes(d32));
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
      : box_(box), margin_((box.radius + 1) * most_step + HWY_MAX_BYTES) {
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
