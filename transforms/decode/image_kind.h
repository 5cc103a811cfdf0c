#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"

namespace millrace {

enum class ImageKind : std::uint8_t {
  jpeg,
  png,
  webp,
  gif,
  bmp,
  tiff,
  avif,
  heif,
  unknown,
};

/// The name of a format that is no ImageKind but is known: "JPEG 2000", "JPEG XL", "ICO", "PSD",
/// "SVG", "PPM"; empty for everything else. Looser than sniff_image: for messages alone.
std::string_view rare_image_name(std::span<const std::uint8_t> data);

/// Whether `text` stands in the data, from byte `at` on.
bool has_at(std::span<const std::uint8_t> data, std::size_t at, std::string_view text);
inline bool starts_with(std::span<const std::uint8_t> data, std::string_view text) {
  return has_at(data, 0, text);
}

/// Told by the first bytes, never by a name.
ImageKind sniff_image(std::span<const std::uint8_t> data);
/// "JPEG", "PNG", ...
std::string_view image_kind_name(ImageKind kind);

/// image_too_large where width x height exceeds the limit. Both are at least 0.
Result<void> check_pixel_count(std::int64_t width, std::int64_t height,
                               const DecodeOptions& options);

}  // namespace millrace
