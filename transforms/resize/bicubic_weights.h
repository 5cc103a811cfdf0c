#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/transforms/resize/resize_weights.h"

namespace millrace {

/// The weights of the bicubic filter, with vectors of doubles and in the order of operations of
/// Pillow's Resample.c: the same bits as one by one. Output i has its taps around centers[i];
/// `values` holds `stride` weights an output, a multiple of kBicubicStride; those after the last
/// tap become 0. `scratch` holds `stride` doubles.
inline constexpr std::size_t kBicubicStride = 8;
void compute_bicubic_weights(std::span<const ResizeWeights::Taps> taps,
                             std::span<const double> centers, double step, std::size_t stride,
                             std::span<double> scratch, std::int32_t* values);

}  // namespace millrace
