#include "millrace/transforms/resize/resize_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "millrace/transforms/resize/bicubic_weights.h"

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

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x = x * std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos_filter(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

double bicubic_filter(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * kA : 0.0;
}

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

struct Scale {
  explicit Scale(const ResizeAxis& axis)
      : scale(static_cast<double>(axis.in_end - axis.in_begin) / axis.out_size),
        filter_scale(std::max(scale, 1.0)),
        support(radius_of(axis.filter) * filter_scale),
        step(1.0 / filter_scale),
        most_taps(static_cast<std::size_t>(std::ceil(support)) * 2 + 1) {}

  double scale;
  double filter_scale;
  double support;
  double step;
  std::size_t most_taps;
};

double center_of(const ResizeAxis& axis, const Scale& scale, std::size_t i) {
  return axis.in_begin + (axis.window_begin + static_cast<int>(i) + 0.5) * scale.scale;
}

/// Which input pixels each output is made of.
void find_taps(const ResizeAxis& axis, const Scale& scale, std::vector<ResizeWeights::Taps>& taps) {
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double center = center_of(axis, scale, i);
    // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow rounds so
    const int first = std::max(0, static_cast<int>(center - scale.support + 0.5));
    const int last = std::min(axis.in_size, static_cast<int>(center + scale.support + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    taps[i] = {first, std::max(0, last - first)};
  }
}

/// Of one output: as many as taps, and their sum is 1 unless it is 0.
template <typename FilterFunction>
void weigh(ResizeWeights::Taps taps, double center, double step, FilterFunction filter,
           double* weights) {
  double sum = 0.0;
  for (int t = 0; t < taps.count; ++t) {
    weights[t] = filter((t + taps.first - center + 0.5) * step);
    sum += weights[t];
  }
  if (sum == 0.0) return;
  for (int t = 0; t < taps.count; ++t) weights[t] = weights[t] / sum;
}

template <typename FilterFunction>
void compute(const ResizeAxis& axis, const Scale& scale, ResizeWeights& weights,
             FilterFunction filter) {
  const auto stride = static_cast<std::size_t>(weights.stride);
  weights.scratch.resize(stride);
  for (std::size_t i = 0; i < weights.taps.size(); ++i) {
    const ResizeWeights::Taps taps = weights.taps[i];
    weigh(taps, center_of(axis, scale, i), scale.step, filter, weights.scratch.data());
    std::int32_t* row = weights.values.data() + i * stride;
    for (int t = 0; t < taps.count; ++t) {
      row[t] = to_fixed_point(weights.scratch[static_cast<std::size_t>(t)]);
    }
    std::fill(row + taps.count, row + stride, 0);
  }
}

void compute_bicubic(const ResizeAxis& axis, const Scale& scale, ResizeWeights& weights) {
  const auto stride = static_cast<std::size_t>(weights.stride);
  const std::size_t outputs = weights.taps.size();
  weights.scratch.resize(outputs + stride);
  const std::span<double> centers = std::span(weights.scratch).first(outputs);
  for (std::size_t i = 0; i < outputs; ++i) centers[i] = center_of(axis, scale, i);
  compute_bicubic_weights(weights.taps, centers, scale.step, stride,
                          std::span(weights.scratch).last(stride), weights.values.data());
}

void compute_filtered(const ResizeAxis& axis, ResizeWeights& weights) {
  const Scale scale(axis);
  const auto outputs = static_cast<std::size_t>(axis.window_size);
  const std::size_t stride =
      (scale.most_taps + kBicubicStride - 1) / kBicubicStride * kBicubicStride;
  weights.stride = static_cast<int>(stride);
  weights.taps.resize(outputs);
  weights.values.resize(outputs * stride);
  find_taps(axis, scale, weights.taps);
  switch (axis.filter) {
    case Filter::box:
      return compute(axis, scale, weights, box_filter);
    case Filter::bilinear:
      return compute(axis, scale, weights, bilinear_filter);
    case Filter::hamming:
      return compute(axis, scale, weights, hamming_filter);
    case Filter::lanczos:
      return compute(axis, scale, weights, lanczos_filter);
    case Filter::bicubic:
    case Filter::nearest:
      return compute_bicubic(axis, scale, weights);
  }
}

}  // namespace

void compute_exact_weights(const ResizeAxis& axis, ExactWeights& weights) {
  const Scale scale(axis);
  const auto outputs = static_cast<std::size_t>(axis.window_size);
  weights.stride = scale.most_taps;
  weights.taps.resize(outputs);
  weights.values.resize(outputs * weights.stride);
  find_taps(axis, scale, weights.taps);
  const auto filter = [&]() -> double (*)(double) {
    switch (axis.filter) {
      case Filter::box:
        return box_filter;
      case Filter::bilinear:
        return bilinear_filter;
      case Filter::hamming:
        return hamming_filter;
      case Filter::lanczos:
        return lanczos_filter;
      case Filter::bicubic:
      case Filter::nearest:
        break;
    }
    return bicubic_filter;
  }();
  for (std::size_t i = 0; i < outputs; ++i) {
    weigh(weights.taps[i], center_of(axis, scale, i), scale.step, filter,
          weights.values.data() + i * weights.stride);
  }
}

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
    compute_filtered(axis, weights);
  }
  weights.first = axis.in_size;
  weights.last = 0;
  for (const ResizeWeights::Taps& taps : weights.taps) {
    weights.first = std::min(weights.first, taps.first);
    weights.last = std::max(weights.last, taps.first + taps.count);
  }
}

}  // namespace millrace
