#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/resize/resize_axes.h"

namespace millrace {

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
