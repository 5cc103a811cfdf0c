#include "check/image_shrinker.h"

#include <cstddef>
#include <utility>

#include "millrace/transforms/resize/resize_geometry.h"

namespace millrace::cli {

Result<bool> ImageShrinker::shrink(std::span<const std::uint8_t> image,
                                   std::vector<std::uint8_t>& jpeg) {
  const auto decoded = decoder_.decode(image);
  if (!decoded) return tl::unexpected<Error>(decoded.error());
  if (decoded->width <= max_side_ && decoded->height <= max_side_) return false;
  const ImageSize size = thumbnail_size(decoded->width, decoded->height, max_side_);
  MutableImageView shrunk;
  shrunk.width = size.width;
  shrunk.height = size.height;
  shrunk.stride_bytes = PixelBuffer::rgb_stride_bytes(size.width);
  shrunk.data = pixels_.reserve(shrunk.stride_bytes * static_cast<std::size_t>(size.height));
  Resizer::Geometry geometry;
  geometry.full_width = size.width;
  geometry.full_height = size.height;
  if (auto resized = resizer_.resize(*decoded, geometry, Filter::bicubic, shrunk); !resized) {
    return tl::unexpected<Error>(std::move(resized.error()));
  }
  if (auto encoded = encoder_.encode(shrunk, quality_, image, jpeg); !encoded) {
    return tl::unexpected<Error>(std::move(encoded.error()));
  }
  return true;
}

}  // namespace millrace::cli
