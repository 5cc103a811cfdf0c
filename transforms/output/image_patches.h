#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/output/image_output.h"
#include "millrace/transforms/steps/image_steps.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// Images of any aspect ratio as sequences of patches, for SigLIP 2's NaFlex and its like: equal to
/// transformers' Siglip2ImageProcessorPil.
struct PatchOptions {
  DecodeOptions decode = {};
  int patch_size = 16;    ///< pixels along a side, 1..kLargestPatch
  int max_patches = 256;  ///< of an image, 1..kMostPatches
  Filter filter = Filter::bilinear;
  Dtype dtype = Dtype::float32;  ///< of the patches; as ImageOutput::dtype
  Normalization normalization = kInceptionNormalization;

  /// Throws std::invalid_argument that names the member and its value.
  void validate() const;

  static constexpr int kLargestPatch = 256;
  static constexpr int kMostPatches = 16384;
};

/// What a column has of the sequence; columns of the same field and options decode it once.
enum class PatchPart : std::uint8_t {
  /// dtype [max_patches, patch_size * patch_size * 3]: the patches row by row, each its pixels row
  /// by row, red, green and blue side by side; 0 behind the last one.
  pixels,
  mask,         ///< int64 [max_patches]: 1 for a patch, 0 behind the last one
  coordinates,  ///< int64 [max_patches, 2]: row and column of each patch; 0 behind the last one
  shape,        ///< int64 [2]: patches along the height, along the width
};
/// "pixels", "mask", "coordinates", "shape".
std::string_view patch_part_name(PatchPart part);

/// The size an image is resized to: both sides multiples of the patch, at most max_patches, the
/// aspect ratio kept as well as that allows. transformers' get_image_size_for_max_num_patches.
ImageSize patched_size(ImageSize size, int patch_size, int max_patches);

/// Throws as PatchOptions::validate. An image so long that it has too many patches when shrunk a
/// million times is bad_image.
std::shared_ptr<const Transform> image_patches(const PatchOptions& options,
                                               PatchPart part = PatchPart::pixels);

}  // namespace millrace
