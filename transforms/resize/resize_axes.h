#pragma once

#include "millrace/result/result.h"
#include "millrace/transforms/image.h"
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

struct ResizeAxes {
  ResizeAxis columns;
  ResizeAxis rows;

  /// Whether Pillow only copies.
  bool are_identity() const { return columns.is_identity() && rows.is_identity(); }
  /// Pillow 13 begins with the pass along y where that spares many rows: measured with Pillow, over
  /// random sizes, boxes and filters; before, it always began along x. Both passes round, so the
  /// order shows.
  bool begin_with_rows() const;
};

/// Errors (bad_image): as Resizer::resize.
Result<ResizeAxes> resize_axes(ImageSize input, const Resizer::Geometry& geometry, Filter filter,
                               ImageSize output);

}  // namespace millrace
