#include "millrace/transforms/resize_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace millrace {
namespace {

// Filter functions in the order of operations of Pillow's Resample.c: the last bit of a weight
// counts. This file is compiled without fused multiply-add for the same reason.

double box_filter(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double bilinear_filter(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double hamming_filter(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x = x * std::numbers::pi;
  return std::sin(x) / x * (0.54F + 0.46F * std::cos(x));
}

double bicubic_filter(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x = x * std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos_filter(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

double radius_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
    case Filter::hamming:
      return 1.0;
    case Filter::lanczos:
      return 3.0;
    case Filter::bicubic:
    case Filter::nearest:
      break;
  }
  return 2.0;
}

std::int32_t to_fixed_point(double weight) {
  constexpr double kOne = 1 << ResizeWeights::kFractionBits;
  const double rounding = weight < 0 ? -0.5 : 0.5;
  return static_cast<std::int32_t>(rounding + weight * kOne);
}

template <typename FilterFunction>
void compute(const ResizeAxis& axis, ResizeWeights& weights, FilterFunction filter) {
  const double scale = static_cast<double>(axis.in_end - axis.in_begin) / axis.out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = radius_of(axis.filter) * filter_scale;
  const double step = 1.0 / filter_scale;
  const auto most_taps = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;

  const auto window = static_cast<std::size_t>(axis.window_size);
  weights.stride = static_cast<int>(most_taps);
  weights.taps.resize(window);
  weights.values.resize(window * most_taps);
  thread_local std::vector<double> raw;
  raw.resize(most_taps);
  for (std::size_t i = 0; i < window; ++i) {
    const int out = axis.window_begin + static_cast<int>(i);
    const double center = axis.in_begin + (out + 0.5) * scale;
    // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow rounds so
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int last = std::min(axis.in_size, static_cast<int>(center + support + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    const int count = std::max(0, last - first);
    double sum = 0.0;
    for (int t = 0; t < count; ++t) {
      const double weight = filter((t + first - center + 0.5) * step);
      raw[static_cast<std::size_t>(t)] = weight;
      sum += weight;
    }
    std::int32_t* row = weights.values.data() + i * most_taps;
    for (int t = 0; t < count; ++t) {
      const double weight = raw[static_cast<std::size_t>(t)];
      row[t] = to_fixed_point(sum != 0.0 ? weight / sum : weight);
    }
    std::fill(row + count, row + most_taps, 0);
    weights.taps[i] = {first, count};
  }
}

}  // namespace

void compute_resize_weights(const ResizeAxis& axis, ResizeWeights& weights) {
  if (axis.is_identity()) {
    const auto window = static_cast<std::size_t>(axis.window_size);
    weights.stride = 1;
    weights.taps.resize(window);
    weights.values.assign(window, 1 << ResizeWeights::kFractionBits);
    for (std::size_t i = 0; i < window; ++i) {
      weights.taps[i] = {axis.window_begin + static_cast<int>(i), 1};
    }
  } else {
    switch (axis.filter) {
      case Filter::box:
        compute(axis, weights, box_filter);
        break;
      case Filter::bilinear:
        compute(axis, weights, bilinear_filter);
        break;
      case Filter::hamming:
        compute(axis, weights, hamming_filter);
        break;
      case Filter::lanczos:
        compute(axis, weights, lanczos_filter);
        break;
      case Filter::bicubic:
      case Filter::nearest:
        compute(axis, weights, bicubic_filter);
        break;
    }
  }
  weights.first = axis.in_size;
  weights.last = 0;
  for (const ResizeWeights::Taps& taps : weights.taps) {
    weights.first = std::min(weights.first, taps.first);
    weights.last = std::max(weights.last, taps.first + taps.count);
  }
}

}  // namespace millrace
