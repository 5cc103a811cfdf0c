#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/resize/resize.h"

namespace millrace {

/// One axis of a resize: the part [in_begin, in_end) of `in_size` pixels becomes `out_size` pixels,
/// of which the window [window_begin, window_begin + window_size) is wanted.
struct ResizeAxis {
  int in_size = 0;
  float in_begin = 0;  ///< float, because Pillow parses its box so
  float in_end = 0;
  int out_size = 0;
  int window_begin = 0;
  int window_size = 0;
  Filter filter = Filter::bicubic;

  bool operator==(const ResizeAxis&) const = default;
  /// Whether Pillow skips the pass along this axis.
  bool is_identity() const {
    return in_size == out_size && in_begin == 0.0F && in_end == static_cast<float>(out_size);
  }
};

/// For each pixel of the window, which input pixels it is made of and with what weights: fixed
/// point with 22 fractional bits, Pillow's precompute_coeffs and normalize_coeffs_8bpc.
struct ResizeWeights {
  static constexpr int kFractionBits = 22;

  struct Taps {
    int first = 0;  ///< index of the first input pixel
    int count = 0;
  };
  std::vector<Taps> taps;
  std::vector<std::int32_t> values;  ///< `stride` a pixel; those after `count` are 0
  int stride = 0;
  int first = 0;  ///< the input pixels that are used at all: [first, last)
  int last = 0;
  std::vector<double> scratch;  ///< of the computation, kept for the next

  const std::int32_t* row(int i) const {
    return values.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(stride);
  }
};

/// The same before they become whole numbers: Pillow's precompute_coeffs, for what has more than 8
/// bits. Not of an identity axis, and not of nearest.
struct ExactWeights {
  std::vector<ResizeWeights::Taps> taps;
  std::vector<double> values;  ///< `stride` a pixel
  std::size_t stride = 0;

  const double* row(int i) const { return values.data() + static_cast<std::size_t>(i) * stride; }
};
void compute_exact_weights(const ResizeAxis& axis, ExactWeights& weights);

/// Recomputes `weights` in place. The filter is not nearest; along an identity axis each pixel is
/// itself, with weight 1.
void compute_resize_weights(const ResizeAxis& axis, ResizeWeights& weights);

}  // namespace millrace
