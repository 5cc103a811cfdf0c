#include "millrace/transforms/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "millrace/transforms/resize_scalar.h"
#include "millrace/transforms/resize_weights.h"

namespace millrace {
namespace {

struct Box {
  float left, top, right, bottom;
};

tl::unexpected<Error> bad(std::string message) {
  return fail(Reason::bad_image, "resize: " + std::move(message));
}

Result<Box> checked_box(ImageView input, const Resizer::Geometry& geometry,
                        MutableImageView output) {
  if (input.width < 1 || input.height < 1) return bad("the input has no pixels");
  if (geometry.full_width < 1 || geometry.full_height < 1) {
    return bad("width and height must be at least 1");
  }
  if (output.width < 1 || output.height < 1 || geometry.crop_left < 0 || geometry.crop_top < 0 ||
      output.width > geometry.full_width || output.height > geometry.full_height ||
      geometry.crop_left > geometry.full_width - output.width ||
      geometry.crop_top > geometry.full_height - output.height) {
    return bad("the window lies outside the resized image");
  }
  const bool everything = std::all_of(geometry.box.begin(), geometry.box.end(),
                                      [](double edge) { return edge == 0.0; });
  if (everything) {
    return Box{0, 0, static_cast<float>(input.width), static_cast<float>(input.height)};
  }
  const Box box{static_cast<float>(geometry.box[0]), static_cast<float>(geometry.box[1]),
                static_cast<float>(geometry.box[2]), static_cast<float>(geometry.box[3])};
  // Written so that a NaN fails.
  if (!(box.left >= 0 && box.top >= 0)) return bad("the box begins outside the image");
  if (!(box.right <= static_cast<float>(input.width) &&
        box.bottom <= static_cast<float>(input.height))) {
    return bad("the box ends outside the image");
  }
  if (!(box.right - box.left >= 0 && box.bottom - box.top >= 0)) return bad("the box is empty");
  return box;
}

/// Source index of each output pixel, as Pillow's ImagingScaleAffine finds it (the position is
/// summed up, not multiplied); -1 outside.
void nearest_positions(const ResizeAxis& axis, std::vector<int>& positions) {
  const double step = static_cast<double>(axis.in_end - axis.in_begin) / axis.out_size;
  double at = axis.in_begin + step * 0.5;
  positions.resize(static_cast<std::size_t>(axis.window_size));
  for (int i = 0; i < axis.window_begin + axis.window_size; ++i, at += step) {
    if (i < axis.window_begin) continue;
    const int source = at < 0.0 ? -1 : static_cast<int>(at);
    positions[static_cast<std::size_t>(i - axis.window_begin)] =
        source < axis.in_size ? source : -1;
  }
}

}  // namespace

struct Resizer::Parts {
  ResizeWeights horizontal;
  ResizeWeights vertical;
  std::vector<std::uint8_t> rows;
  std::vector<int> columns_from;
  std::vector<int> rows_from;
};

Resizer::Resizer() : parts_(std::make_unique<Parts>()) {}
Resizer::~Resizer() = default;

Result<void> Resizer::resize(ImageView input, const Geometry& geometry, Filter filter,
                             MutableImageView output) {
  const Result<Box> box = checked_box(input, geometry, output);
  if (!box) return tl::unexpected(box.error());
  const ResizeAxis columns{input.width,        box->left,    box->right, geometry.full_width,
                           geometry.crop_left, output.width, filter};
  const ResizeAxis rows{input.height,      box->top,      box->bottom, geometry.full_height,
                        geometry.crop_top, output.height, filter};

  if (columns.is_identity() && rows.is_identity()) {
    for (int y = 0; y < output.height; ++y) {
      std::memcpy(
          output.row(y),
          input.row(geometry.crop_top + y) + static_cast<std::size_t>(geometry.crop_left) * 3,
          static_cast<std::size_t>(output.width) * 3);
    }
    return {};
  }
  if (filter == Filter::nearest) {
    nearest_positions(columns, parts_->columns_from);
    nearest_positions(rows, parts_->rows_from);
    for (int y = 0; y < output.height; ++y) {
      std::uint8_t* out = output.row(y);
      const int from = parts_->rows_from[static_cast<std::size_t>(y)];
      for (int x = 0; x < output.width; ++x, out += 3) {
        const int column = parts_->columns_from[static_cast<std::size_t>(x)];
        if (from < 0 || column < 0) {
          std::memset(out, 0, 3);
        } else {
          std::memcpy(out, input.row(from) + static_cast<std::size_t>(column) * 3, 3);
        }
      }
    }
    return {};
  }
  compute_resize_weights(columns, parts_->horizontal);
  compute_resize_weights(rows, parts_->vertical);
  resize_scalar(input, parts_->horizontal, parts_->vertical, output, parts_->rows);
  return {};
}

}  // namespace millrace
