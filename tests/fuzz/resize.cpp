// Any geometry: the vector kernels give the bytes of the scalar twin; any mode and box.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "millrace/transforms/native_image.h"
#include "millrace/transforms/resize/native_resize.h"
#include "millrace/transforms/resize/resize_passes.h"
#include "millrace/transforms/resize/resize_scalar.h"
#include "millrace/transforms/resize/resize_weights.h"

namespace {

using namespace millrace;  // NOLINT: one function

/// Takes numbers off the input; zeros once it is used up.
class Numbers {
 public:
  Numbers(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  int below(int limit) {
    std::uint16_t value = 0;
    const std::size_t bytes = std::min(left_, sizeof value);
    std::memcpy(&value, data_, bytes);
    data_ += bytes;
    left_ -= bytes;
    return value % limit;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

ResizeAxis read_axis(Numbers& numbers, Filter filter) {
  ResizeAxis axis;
  axis.in_size = 1 + numbers.below(150);
  axis.in_begin = static_cast<float>(numbers.below(axis.in_size * 8)) / 8;
  axis.in_end = std::min(static_cast<float>(axis.in_size),
                         axis.in_begin + static_cast<float>(numbers.below(1200)) / 8);
  axis.out_size = 1 + numbers.below(100);
  axis.window_begin = numbers.below(axis.out_size);
  axis.window_size = 1 + numbers.below(axis.out_size - axis.window_begin);
  axis.filter = filter;
  return axis;
}

/// Boxes that lie outside, and sizes that nothing has, are among them.
void resize_natively(Numbers& numbers, ImageView input) {
  NativeImage image{static_cast<NativeMode>(1 + numbers.below(4)), input, {}, nullptr};
  if (image.mode == NativeMode::alpha || image.mode == NativeMode::cmyk) image.fourth = input;
  const auto filter = static_cast<Filter>(numbers.below(6));
  std::array<double, 4> box{};
  for (double& side : box) side = (numbers.below(1300) - 50) / 8.0;
  const int width = numbers.below(100);
  const int height = numbers.below(100);
  const auto row_bytes = static_cast<std::size_t>(width) * 3;
  std::vector<std::uint8_t> color(row_bytes * static_cast<std::size_t>(height));
  std::vector<std::uint8_t> fourth(color.size());
  NativeResizer resizer;
  (void)resizer.resize(
      image, box, filter,
      {{color.data(), width, height, row_bytes}, {fourth.data(), width, height, row_bytes}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Numbers numbers(data, size);
  const auto filter = static_cast<Filter>(1 + numbers.below(5));
  const ResizeAxis columns = read_axis(numbers, filter);
  const ResizeAxis rows = read_axis(numbers, filter);
  auto state = static_cast<std::uint32_t>(numbers.below(65536));

  const auto row_bytes = static_cast<std::size_t>(columns.in_size) * 3;
  std::vector<std::uint8_t> pixels(row_bytes * static_cast<std::size_t>(rows.in_size));
  for (std::uint8_t& byte : pixels) {
    state = state * 1664525U + 1013904223U;
    byte = state >> 29 == 0 ? 255 : static_cast<std::uint8_t>(state >> 24);
  }
  const ImageView input{pixels.data(), columns.in_size, rows.in_size, row_bytes};

  ResizeWeights horizontal;
  ResizeWeights vertical;
  compute_resize_weights(columns, horizontal);
  compute_resize_weights(rows, vertical);
  const auto out_bytes = static_cast<std::size_t>(columns.window_size) * 3;
  std::vector<std::uint8_t> expected(out_bytes * static_cast<std::size_t>(rows.window_size));
  std::vector<std::uint8_t> actual(expected.size());
  std::vector<std::uint8_t> scalar_rows;
  resize_scalar(input, horizontal, vertical,
                {expected.data(), columns.window_size, rows.window_size, out_bytes}, scalar_rows);

  HorizontalWords horizontal_words;
  VerticalWords vertical_words;
  horizontal_words.assign(horizontal);
  vertical_words.assign(vertical);
  ResizeScratch scratch;
  const MutableImageView output{actual.data(), columns.window_size, rows.window_size, out_bytes};
  if (resize_with_vectors(input, horizontal_words, vertical_words, output, scratch) &&
      actual != expected) {
    std::abort();
  }
  resize_natively(numbers, input);
  return 0;
}
