#include "millrace/transforms/resize/resize_axes.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace millrace {
namespace {

struct Box {
  float left, top, right, bottom;
};

tl::unexpected<Error> bad_geometry(std::string message) {
  return fail(Reason::bad_image, "resize: " + std::move(message));
}

Result<Box> checked_box(ImageSize input, const Resizer::Geometry& geometry, ImageSize output) {
  if (input.width < 1 || input.height < 1) return bad_geometry("the input has no pixels");
  if (geometry.full_width < 1 || geometry.full_height < 1) {
    return bad_geometry("width and height must be at least 1");
  }
  if (output.width < 1 || output.height < 1 || geometry.crop_left < 0 || geometry.crop_top < 0 ||
      output.width > geometry.full_width || output.height > geometry.full_height ||
      geometry.crop_left > geometry.full_width - output.width ||
      geometry.crop_top > geometry.full_height - output.height) {
    return bad_geometry("the window lies outside the resized image");
  }
  if (!geometry.box) {
    return Box{0, 0, static_cast<float>(input.width), static_cast<float>(input.height)};
  }
  const auto& [left, top, right, bottom] = *geometry.box;
  const Box box{static_cast<float>(left), static_cast<float>(top), static_cast<float>(right),
                static_cast<float>(bottom)};
  // Written so that a NaN fails.
  if (!(box.left >= 0 && box.top >= 0)) return bad_geometry("the box begins outside the image");
  if (!(box.right <= static_cast<float>(input.width) &&
        box.bottom <= static_cast<float>(input.height))) {
    return bad_geometry("the box ends outside the image");
  }
  if (!(box.right - box.left >= 0 && box.bottom - box.top >= 0))
    return bad_geometry("the box is empty");
  return box;
}

}  // namespace

bool ResizeAxes::begin_with_rows() const {
  const std::int64_t fewer_columns =
      std::max<std::int64_t>(0, std::int64_t{columns.in_size} - columns.out_size);
  return std::int64_t{rows.in_size} - rows.out_size > 2 * fewer_columns;
}

Result<ResizeAxes> resize_axes(ImageSize input, const Resizer::Geometry& geometry, Filter filter,
                               ImageSize output) {
  const Result<Box> box = checked_box(input, geometry, output);
  if (!box) return tl::unexpected(box.error());
  return ResizeAxes{{input.width, box->left, box->right, geometry.full_width, geometry.crop_left,
                     output.width, filter},
                    {input.height, box->top, box->bottom, geometry.full_height, geometry.crop_top,
                     output.height, filter}};
}

}  // namespace millrace
