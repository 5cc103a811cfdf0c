#include "millrace/transforms/resize/resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/resize/resize_axes.h"
#include "millrace/transforms/resize/resize_passes.h"
#include "millrace/transforms/resize/resize_scalar.h"
#include "millrace/transforms/resize/resize_weights.h"

namespace millrace {
namespace {

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

void copy_nearest(ImageView input, const std::vector<int>& columns_from,
                  const std::vector<int>& rows_from, MutableImageView output) {
  // Positions grow: those inside are a range. All but the last of it are copied with a fourth byte,
  // which the next one overwrites, as long as the input has a byte there.
  const auto inside = [&](int column) { return column >= 0; };
  const auto first = std::ranges::find_if(columns_from, inside);
  const auto end = std::find_if_not(first, columns_from.end(), inside);
  const auto wide_end = first == end ? end : std::find(first, end - 1, input.width - 1);
  const auto index = [&](auto place) { return place - columns_from.begin(); };
  const std::size_t row_bytes = static_cast<std::size_t>(output.width) * 3;
  for (int y = 0; y < output.height; ++y) {
    std::uint8_t* out = output.row(y);
    const int from = rows_from[static_cast<std::size_t>(y)];
    if (from < 0) {
      std::memset(out, 0, row_bytes);
      continue;
    }
    if (y > 0 && rows_from[static_cast<std::size_t>(y) - 1] == from) {
      std::memcpy(out, output.row(y - 1), row_bytes);
      continue;
    }
    const std::uint8_t* in = input.row(from);
    const auto copy = [&](auto column, std::size_t bytes) {
      std::memcpy(out + index(column) * 3, in + static_cast<std::size_t>(*column) * 3, bytes);
    };
    std::memset(out, 0, static_cast<std::size_t>(index(first)) * 3);
    auto column = first;
    for (; column != wide_end; ++column) copy(column, 4);
    for (; column != end; ++column) copy(column, 3);
    std::memset(out + index(end) * 3, 0, row_bytes - static_cast<std::size_t>(index(end)) * 3);
  }
}

/// The weights along one axis, in the forms that the kernels take.
template <typename Words>
struct PreparedAxis {
  ResizeAxis axis;  ///< without input pixels, as no resize has it: no weights here
  ResizeWeights weights;
  Words words;
};

/// Weights cost as much as a tenth of the resize itself, and many images have the same few sizes.
template <typename Words>
class AxisCache {
 public:
  const PreparedAxis<Words>& get(const ResizeAxis& axis) {
    for (const PreparedAxis<Words>& entry : entries_) {
      if (entry.axis == axis) return entry;
    }
    PreparedAxis<Words>& entry = entries_[next_];
    next_ = (next_ + 1) % entries_.size();
    // Until it is whole the entry serves no axis: computing it may run out of memory.
    entry.axis = ResizeAxis{};
    compute_resize_weights(axis, entry.weights);
    entry.words.assign(entry.weights);
    entry.axis = axis;
    return entry;
  }

 private:
  std::array<PreparedAxis<Words>, 8> entries_;
  std::size_t next_ = 0;
};

struct UsedPixels {
  int first;
  int count;  ///< at least 1
};

/// Of the `size` input pixels along an axis.
UsedPixels used_pixels(const ResizeWeights& weights, int size) {
  const int count = std::max(1, weights.last - weights.first);
  return {std::min(weights.first, size - count), count};
}

/// Everything from 0 to `size`, of which a window is wanted, stays as it is.
ResizeAxis unchanged(int size, int window_begin, int window_size) {
  return {size, 0.0F, static_cast<float>(size), size, window_begin, window_size, Filter::bicubic};
}

}  // namespace

std::string_view filter_name(Filter filter) {
  switch (filter) {
    case Filter::nearest:
      return "nearest";
    case Filter::box:
      return "box";
    case Filter::bilinear:
      return "bilinear";
    case Filter::hamming:
      return "hamming";
    case Filter::bicubic:
      return "bicubic";
    case Filter::lanczos:
      return "lanczos";
  }
  return "unknown";
}

struct Resizer::Parts {
  void run(ImageView input, const ResizeAxis& columns, const ResizeAxis& rows,
           MutableImageView output) {
    const auto& horizontal = columns_cache.get(columns);
    const auto& vertical = rows_cache.get(rows);
    if (resize_with_vectors(input, horizontal.words, vertical.words, output, scratch)) return;
    resize_scalar(input, horizontal.weights, vertical.weights, output, scalar_rows);
  }

  AxisCache<HorizontalWords> columns_cache;
  AxisCache<VerticalWords> rows_cache;
  ResizeScratch scratch;
  PixelBuffer middle;
  std::vector<std::uint8_t> scalar_rows;
  std::vector<int> columns_from;
  std::vector<int> rows_from;
};

Resizer::Resizer() : parts_(std::make_unique<Parts>()) {}
Resizer::~Resizer() = default;

Result<void> Resizer::resize(ImageView input, const Geometry& geometry, Filter filter,
                             MutableImageView output) {
  const Result<ResizeAxes> axes =
      resize_axes({input.width, input.height}, geometry, filter, {output.width, output.height});
  if (!axes) return tl::unexpected(axes.error());
  const ResizeAxis& columns = axes->columns;
  const ResizeAxis& rows = axes->rows;

  if (axes->are_identity()) {
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
    copy_nearest(input, parts_->columns_from, parts_->rows_from, output);
    return {};
  }
  if (!axes->begin_with_rows()) {
    parts_->run(input, columns, rows, output);
    return {};
  }
  const auto [first, used_columns] =
      used_pixels(parts_->columns_cache.get(columns).weights, input.width);
  const MutableImageView middle = rgb_image_in(parts_->middle, {input.width, output.height});
  parts_->run(input, unchanged(input.width, first, used_columns), rows,
              part_of(middle, {first, 0, used_columns, output.height}));
  parts_->run(middle, columns, unchanged(output.height, 0, output.height), output);
  return {};
}

Result<ImageWindow> Resizer::needed(ImageSize input, const Geometry& geometry, Filter filter,
                                    ImageSize output) {
  const Result<ResizeAxes> axes = resize_axes(input, geometry, filter, output);
  if (!axes) return tl::unexpected(axes.error());
  if (filter == Filter::nearest) return ImageWindow{0, 0, input.width, input.height};
  const auto [left, width] =
      used_pixels(parts_->columns_cache.get(axes->columns).weights, input.width);
  const auto [top, height] = used_pixels(parts_->rows_cache.get(axes->rows).weights, input.height);
  return ImageWindow{left, top, width, height};
}

}  // namespace millrace
