#include "millrace/transforms/decode/image_kind.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace millrace {

bool has_at(std::span<const std::uint8_t> data, std::size_t at, std::string_view text) {
  return data.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

ImageKind sniff_image(std::span<const std::uint8_t> data) {
  if (starts_with(data, "\xFF\xD8\xFF")) return ImageKind::jpeg;
  if (starts_with(data, "\x89PNG\r\n\x1A\n")) return ImageKind::png;
  if (starts_with(data, "RIFF") && has_at(data, 8, "WEBP")) return ImageKind::webp;
  if (starts_with(data, "GIF87a") || starts_with(data, "GIF89a")) return ImageKind::gif;
  if (starts_with(data, "BM")) return ImageKind::bmp;
  if (starts_with(data, std::string_view("II*\0", 4)) ||
      starts_with(data, std::string_view("MM\0*", 4))) {
    return ImageKind::tiff;
  }
  if (has_at(data, 4, "ftypavif") || has_at(data, 4, "ftypavis")) return ImageKind::avif;
  for (const std::string_view brand :
       {"ftypheic", "ftypheix", "ftypheim", "ftyphevc", "ftypmif1", "ftypmsf1"}) {
    if (has_at(data, 4, brand)) return ImageKind::heif;
  }
  return ImageKind::unknown;
}

std::string_view rare_image_name(std::span<const std::uint8_t> data) {
  if (starts_with(data, std::string_view("\0\0\0\x0CjP  \r\n\x87\n", 12)) ||
      starts_with(data, "\xFF\x4F\xFF\x51")) {
    return "JPEG 2000";
  }
  if (starts_with(data, std::string_view("\0\0\0\x0CJXL \r\n\x87\n", 12)) ||
      starts_with(data, "\xFF\x0A")) {
    return "JPEG XL";
  }
  if (starts_with(data, std::string_view("\0\0\1\0", 4))) return "ICO";
  if (starts_with(data, "8BPS")) return "PSD";
  if (data.size() > 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6' &&
      (data[2] == '\n' || data[2] == ' ')) {
    return "PPM";
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (starts_with(data, kByteOrderMark)) data = data.subspan(kByteOrderMark.size());
  const std::string_view text(reinterpret_cast<const char*>(data.data()),
                              std::min<std::size_t>(data.size(), 1024));
  const bool is_markup = starts_with(data, "<?xml") || starts_with(data, "<!");
  if (starts_with(data, "<svg") || (is_markup && text.find("<svg") != std::string_view::npos)) {
    return "SVG";
  }
  return {};
}

std::string_view image_kind_name(ImageKind kind) {
  switch (kind) {
    case ImageKind::jpeg:
      return "JPEG";
    case ImageKind::png:
      return "PNG";
    case ImageKind::webp:
      return "WebP";
    case ImageKind::gif:
      return "GIF";
    case ImageKind::bmp:
      return "BMP";
    case ImageKind::tiff:
      return "TIFF";
    case ImageKind::avif:
      return "AVIF";
    case ImageKind::heif:
      return "HEIF";
    case ImageKind::unknown:
      break;
  }
  return "unknown";
}

Result<void> check_pixel_count(std::int64_t width, std::int64_t height,
                               const DecodeOptions& options) {
  const auto columns = static_cast<std::uint64_t>(width);
  const auto rows = static_cast<std::uint64_t>(height);
  if (columns == 0 || rows <= options.max_image_pixels / columns) return {};
  return fail(Reason::image_too_large, std::to_string(width) + " x " + std::to_string(height) +
                                           " pixels exceed the limit of " +
                                           std::to_string(options.max_image_pixels));
}

}  // namespace millrace
