#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::jpeg {

/// The quantization table of a component, as the inverse transform multiplies by it.
struct Dequantization {
  alignas(64) std::int16_t factors[64];  ///< in rows
};

/// One row of a component's blocks from coefficients to samples: libjpeg-turbo's "islow" inverse
/// transform as its vector code computes it, with 16-bit products that wrap and sums that saturate.
/// `tiles` (see jpeg_entropy.h; on a multiple of 64 bytes) is all zero afterwards; `lengths` has
/// the coefficients of each block up to the last that is not zero. Writes 8 rows of 32 * tile_count
/// samples. False if a coefficient of a block's first row is so large that libjpeg's short cut for
/// blocks without other rows would differ; samples are then unspecified.
bool inverse_transform(std::int16_t* tiles, const std::uint8_t* lengths, std::size_t tile_count,
                       const Dequantization& table, std::uint8_t* samples,
                       std::size_t stride_bytes);

/// The same without vectors.
bool inverse_transform_scalar(std::int16_t* tiles, std::size_t tile_count,
                              const Dequantization& table, std::uint8_t* samples,
                              std::size_t stride_bytes);

}  // namespace millrace::jpeg
