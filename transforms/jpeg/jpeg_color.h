#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::jpeg {

enum class Colors : std::uint8_t { gray, rgb, ycc };

/// How the second and third component come to full size.
enum class Upsampling : std::uint8_t { none, h2, v2, h2v2 };

/// Samples that the kernels may read before and behind a row of `width` samples: the one to the
/// left and the one to the right count (upsampling blends them), the others do not.
inline constexpr std::size_t kRowMargin = 64;

/// Bytes that may be written behind a row of RGB.
inline constexpr std::size_t kRgbSlackBytes = 192;

/// The samples of one row of the image.
struct SampleRow {
  const std::uint8_t* first = nullptr;  ///< Y, or R, or gray
  /// Cb and Cr, or G and B: the row that covers this one, and the next nearest one (v2, h2v2).
  const std::uint8_t* near[2] = {};
  const std::uint8_t* far[2] = {};
  bool far_is_below = false;
};

/// One row to RGB: libjpeg's "fancy" triangle filter and its YCC to RGB conversion (jdsample.c,
/// jdcolor.c), the same bytes. Writes up to kRgbSlackBytes behind the 3 * width bytes.
void convert_row(Colors colors, Upsampling upsampling, const SampleRow& row, std::size_t width,
                 std::uint8_t* rgb);

/// The same without vectors; nothing is read outside the rows but the neighbours to the left and
/// right.
void convert_row_scalar(Colors colors, Upsampling upsampling, const SampleRow& row,
                        std::size_t width, std::uint8_t* rgb);

}  // namespace millrace::jpeg
