#include "millrace/transforms/photometric/gaussian_convolution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/gaussian_convolution.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

// A kernel of n x n weights is the product of one along the rows and one along the columns, which
// takes 2 n multiplications a byte, not n * n. Their sum is torch's up to its rounding. Only where
// that could make another byte, a sum close to a half, is torch's own computed.

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `count` bytes of a row, and `radius` pixels more at both ends. Whole vectors are read and stored.
void weigh_row(const std::uint8_t* HWY_RESTRICT row, const float* HWY_RESTRICT weights,
               std::size_t radius, std::size_t count, float* HWY_RESTRICT to) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<std::int32_t, decltype(df)> d32;
  const hn::Rebind<std::uint8_t, decltype(df)> d8;
  const auto load = [&](const std::uint8_t* at) { return hn::PromoteTo(d32, hn::LoadU(d8, at)); };
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const std::uint8_t* left = row + i;
    const std::uint8_t* right = left + 6 * radius;
    auto sum = hn::Mul(hn::Set(df, weights[radius]), hn::ConvertTo(df, load(left + 3 * radius)));
    for (std::size_t k = 0; k < radius; ++k, left += 3, right -= 3) {
      const auto both = hn::ConvertTo(df, hn::Add(load(left), load(right)));
      sum = hn::MulAdd(hn::Set(df, weights[k]), both, sum);
    }
    hn::StoreU(sum, df, to + i);
  }
}

// `count` bytes of 2 * radius + 1 rows that are weighed along them. The places of those within
// `doubt` of a half go to `doubtful`; returns how many. Whole vectors are read and stored.
std::size_t weigh_rows(const float* const* rows, const float* HWY_RESTRICT weights,
                       std::size_t radius, std::size_t count, float doubt,
                       std::uint8_t* HWY_RESTRICT to, std::uint32_t* HWY_RESTRICT doubtful) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<std::int32_t, decltype(df)> d32;
  const hn::Rebind<std::uint8_t, decltype(df)> d8;
  const auto half = hn::Set(df, 0.5F);
  HWY_ALIGN std::array<float, hn::MaxLanes(df)> apart;
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    auto sum = hn::Mul(hn::Set(df, weights[radius]), hn::LoadU(df, rows[radius] + i));
    for (std::size_t k = 0; k < radius; ++k) {
      const auto both =
          hn::Add(hn::LoadU(df, rows[k] + i), hn::LoadU(df, rows[2 * radius - k] + i));
      sum = hn::MulAdd(hn::Set(df, weights[k]), both, sum);
    }
    const auto nearest = hn::Floor(hn::Add(sum, half));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(d32, nearest)), d8, to + i);
    const auto from_half = hn::Sub(half, hn::AbsDiff(sum, nearest));
    if (hn::AllFalse(df, hn::Le(from_half, hn::Set(df, doubt)))) continue;
    hn::Store(from_half, df, apart.data());
    for (std::size_t lane = 0; lane < std::min(hn::Lanes(df), count - i); ++lane) {
      if (apart[lane] <= doubt) doubtful[found++] = static_cast<std::uint32_t>(i + lane);
    }
  }
  return found;
}

// The bytes at these places of `rows`, whose first pixels are the kernel's, by torch's sums: four
// at a time, because each waits for the multiplication before.
void convolve_places(const std::uint8_t* const* rows, const float* HWY_RESTRICT products,
                     std::size_t size, std::span<const std::uint32_t> places,
                     std::uint8_t* HWY_RESTRICT to) {
  constexpr std::size_t kTogether = 4;
  for (std::size_t first = 0; first < places.size(); first += kTogether) {
    std::array<std::uint32_t, kTogether> at{};
    for (std::size_t k = 0; k < kTogether; ++k) {
      at[k] = places[std::min(first + k, places.size() - 1)];
    }
    // Not an array, which would be in memory.
    float a = 0;
    float b = 0;
    float c = 0;
    float d = 0;
    const float* weight = products;
    for (std::size_t y = 0; y < size; ++y) {
      const std::uint8_t* row = rows[y];
      for (const std::uint8_t* end = row + 3 * size; row != end; row += 3, ++weight) {
        a = std::fma(*weight, static_cast<float>(row[at[0]]), a);
        b = std::fma(*weight, static_cast<float>(row[at[1]]), b);
        c = std::fma(*weight, static_cast<float>(row[at[2]]), c);
        d = std::fma(*weight, static_cast<float>(row[at[3]]), d);
      }
    }
    const std::array<float, kTogether> sums = {a, b, c, d};
    for (std::size_t k = 0; k < kTogether; ++k) {
      to[at[k]] = static_cast<std::uint8_t>(std::lrint(sums[k]));  // a half to the even number
    }
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(weigh_row);
HWY_EXPORT(weigh_rows);
HWY_EXPORT(convolve_places);

namespace {

/// Sums of every `lanes`-th number of `lanes` * `count`, four of them at a time.
template <std::size_t lanes>
std::array<float, lanes> lane_sums(const float* values, std::size_t count) {
  constexpr std::size_t kWays = 4;
  std::array<std::array<float, lanes>, kWays> partial{};
  for (std::size_t i = 0; i < count; ++i) {
    std::array<float, lanes>& to = partial[i < count / kWays * kWays ? i % kWays : 0];
    for (std::size_t lane = 0; lane < lanes; ++lane) to[lane] += values[i * lanes + lane];
  }
  for (std::size_t way = 1; way < kWays; ++way) {
    for (std::size_t lane = 0; lane < lanes; ++lane) partial[0][lane] += partial[way][lane];
  }
  return partial[0];
}

/// In the order in which torch adds up a few floats on x86-64: in vectors of eight, where there are
/// as many.
float sum_of(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;
  if (values.size() < kLanes) return lane_sums<1>(values.data(), values.size())[0];
  const std::size_t vectors = values.size() / kLanes;
  float sum = 0;
  for (const float rest : values.subspan(vectors * kLanes)) sum += rest;
  for (const float lane : lane_sums<kLanes>(values.data(), vectors)) sum += lane;
  return sum;
}

/// torchvision's _get_gaussian_kernel1d, without what is so far out that no float shows it.
void make_weights(std::size_t radius, float sigma, std::vector<float>& weights) {
  weights.resize(2 * radius + 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float scaled = (static_cast<float>(i) - static_cast<float>(radius)) / sigma;
    weights[i] = static_cast<float>(std::exp(static_cast<double>(-0.5F * (scaled * scaled))));
  }
  const float sum = sum_of(weights);
  for (float& weight : weights) weight /= sum;

  constexpr float kLeast = 0x1p-70F;
  std::size_t out = 0;
  while (out < radius && weights[out] * weights[radius] < kLeast) ++out;
  weights.resize(weights.size() - out);
  weights.erase(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(out));
}

/// Fills `products` with the weights of rows and columns, and returns how far apart a sum of these
/// and one row by row, column by column can be.
float multiply_weights(std::span<const float> weights, std::vector<float>& products) {
  products.clear();
  // Adding a term is off by 2^-24 of the sum at most, and by no more than the term.
  double sum = 0;
  double apart = 0;
  for (const float along_y : weights) {
    for (const float along_x : weights) {
      products.push_back(along_y * along_x);
      const auto product = static_cast<double>(products.back());
      sum += product;
      apart += std::min(product, sum * 0x1p-24);
    }
  }
  // The other sums have fewer than four terms a weight, and each weight is off by 2^-24 of itself.
  constexpr double kLargest = 256;
  return static_cast<float>(kLargest *
                            (apart + static_cast<double>(4 * weights.size() + 16) * 0x1p-24));
}

/// Which of `count` pixels lies at `place`, where the edges are mirrors.
std::size_t mirrored(std::ptrdiff_t place, std::size_t count) {
  if (count == 1) return 0;
  const auto period = 2 * (static_cast<std::ptrdiff_t>(count) - 1);
  const std::ptrdiff_t within = (place % period + period) % period;
  return static_cast<std::size_t>(std::min(within, period - within));
}

/// A copy of the image with `radius` pixels more at the ends of its rows.
ImageView widened(ImageView image, std::size_t radius, PixelBuffer& memory) {
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  const std::size_t row_bytes = 3 * (width + 2 * radius);
  std::uint8_t* rows = memory.reserve(row_bytes * height + kVectorSlackBytes);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* from = image.row(static_cast<int>(y));
    std::uint8_t* to = rows + y * row_bytes;
    std::memcpy(to + 3 * radius, from, 3 * width);
    for (std::size_t k = 1; k <= radius; ++k) {
      const auto beyond = static_cast<std::ptrdiff_t>(k);
      std::memcpy(to + 3 * (radius - k), from + 3 * mirrored(-beyond, width), 3);
      std::memcpy(to + 3 * (radius + width - 1 + k),
                  from + 3 * mirrored(static_cast<std::ptrdiff_t>(width) - 1 + beyond, width), 3);
    }
  }
  return {rows, image.width, image.height, row_bytes};
}

}  // namespace

void convolve_gaussian(int kernel_size, float sigma, MutableImageView image,
                       ConvolutionScratch& scratch) {
  make_weights(static_cast<std::size_t>(kernel_size) / 2, sigma, scratch.weights);
  const float doubt = multiply_weights(scratch.weights, scratch.products);
  const std::size_t size = scratch.weights.size();
  const std::size_t radius = size / 2;
  const std::size_t count = static_cast<std::size_t>(image.width) * 3;
  const auto height = static_cast<std::size_t>(image.height);
  const ImageView source = widened(image, radius, scratch.source);
  const std::size_t stride = count + kVectorSlackBytes;
  scratch.weighed.resize(size * stride);
  scratch.made.resize(stride);
  scratch.doubtful.resize(count);
  scratch.weighed_rows.resize(size);
  scratch.source_rows.resize(size);

  std::size_t ready = 0;
  for (std::size_t y = 0; y < height; ++y) {
    for (; ready < std::min(height, y + radius + 1); ++ready) {
      HWY_DYNAMIC_DISPATCH(weigh_row)
      (source.row(static_cast<int>(ready)), scratch.weights.data(), radius, count,
       &scratch.weighed[ready % size * stride]);
    }
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t row = mirrored(
          static_cast<std::ptrdiff_t>(y + k) - static_cast<std::ptrdiff_t>(radius), height);
      scratch.weighed_rows[k] = &scratch.weighed[row % size * stride];
      scratch.source_rows[k] = source.row(static_cast<int>(row));
    }
    std::uint8_t* made = scratch.made.data();
    const std::size_t doubtful =
        HWY_DYNAMIC_DISPATCH(weigh_rows)(scratch.weighed_rows.data(), scratch.weights.data(),
                                         radius, count, doubt, made, scratch.doubtful.data());
    HWY_DYNAMIC_DISPATCH(convolve_places)
    (scratch.source_rows.data(), scratch.products.data(), size,
     std::span(scratch.doubtful).first(doubtful), made);
    std::memcpy(image.row(static_cast<int>(y)), made, count);
  }
}

}  // namespace millrace
#endif
