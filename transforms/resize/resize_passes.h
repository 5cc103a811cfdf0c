#pragma once

#include <cstdint>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/pixel_buffer.h"
#include "millrace/transforms/resize/resize_weights.h"

namespace millrace {

/// Weights along x for the vector kernel, which takes four input pixels ("a quad") at once. A
/// weight k is split into k >> 11 and k & 2047, so that products with bytes add up exactly in 32
/// bits; two weights that are multiplied and added together share a word.
struct HorizontalWords {
  struct Output {
    std::uint32_t first_quad = 0;
    std::uint32_t quad_count = 0;
    std::size_t first_word = 0;
  };
  static constexpr std::size_t kWordsPerQuad = 4;  ///< pixels 0 and 2 high, low; 1 and 3 high, low

  int first_column = 0;
  std::size_t quad_count = 0;
  std::vector<Output> outputs;  ///< padded to a multiple of 4 with outputs that have no quads
  std::vector<std::int32_t> words;

  void assign(const ResizeWeights& weights);
};

/// Weights along y, which the kernel takes by pairs of rows.
struct VerticalWords {
  struct Output {
    std::uint32_t first_pair = 0;
    std::uint32_t pair_count = 0;
    std::size_t first_word = 0;
  };
  static constexpr std::size_t kWordsPerPair = 2;  ///< high, low

  int first_row = 0;
  int last_row = 0;
  std::vector<Output> outputs;
  std::vector<std::int32_t> words;

  void assign(const ResizeWeights& weights);
};

/// Memory of the kernels, kept between images.
struct ResizeScratch {
  PixelBuffer quads;
  PixelBuffer pairs;
};

/// The two passes of Pillow's resize with vectors, first along x, then along y: the same bytes as
/// resize_scalar. `output` is as large as the two windows. Returns false, and does nothing, where
/// this processor or this input (less than 6 columns) has no vector kernel.
bool resize_with_vectors(ImageView input, const HorizontalWords& horizontal,
                         const VerticalWords& vertical, MutableImageView output,
                         ResizeScratch& scratch);

}  // namespace millrace
