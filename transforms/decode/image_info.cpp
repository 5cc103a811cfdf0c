#include "millrace/transforms/decode/image_info.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/decode/image_kind.h"

namespace millrace {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kExifSignature("Exif\0\0", 6);
constexpr std::string_view kXmpSignature = "http://ns.adobe.com/xap/1.0/";
constexpr std::string_view kXmpKeyword = "XML:com.adobe.xmp";

/// `count` bytes from `at` on, as many as there are.
Bytes part(Bytes data, std::uint64_t at, std::uint64_t count) {
  if (at >= data.size()) return {};
  return data.subspan(static_cast<std::size_t>(at),
                      static_cast<std::size_t>(std::min<std::uint64_t>(count, data.size() - at)));
}

/// An unsigned number of `count` bytes at `at`; 0 where it is cut off.
std::uint32_t number(Bytes data, std::uint64_t at, int count, bool big_endian) {
  const Bytes bytes = part(data, at, static_cast<std::uint64_t>(count));
  if (bytes.size() != static_cast<std::size_t>(count)) return 0;
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    value = value << 8 | bytes[static_cast<std::size_t>(big_endian ? i : count - 1 - i)];
  }
  return value;
}

std::uint32_t big(Bytes data, std::uint64_t at, int count) { return number(data, at, count, true); }
std::uint32_t little(Bytes data, std::uint64_t at, int count) {
  return number(data, at, count, false);
}

int side(std::uint32_t pixels) {
  constexpr auto kMost = static_cast<std::uint32_t>(std::numeric_limits<int>::max());
  return static_cast<int>(std::min(pixels, kMost));
}

/// 0 where nothing is said, and where this is no EXIF at all.
int exif_orientation(Bytes exif) {
  const Result<std::optional<int>> says = read_exif_orientation(exif);
  return says ? says->value_or(0) : 0;
}

bool is_jpeg_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void read_jpeg(Bytes data, ImageInfo& info) {
  bool has_exif = false;
  std::size_t at = 2;
  while (at + 4 <= data.size()) {
    if (data[at] != 0xFF || data[at + 1] == 0x00 || data[at + 1] == 0xFF) {
      ++at;
      continue;
    }
    const int marker = data[at + 1];
    if (marker == 0xDA) return;
    if (marker >= 0xD0 && marker <= 0xD9) {
      at += 2;
      continue;
    }
    const std::size_t length = big(data, at + 2, 2);
    const Bytes segment = part(data, at + 4, length > 2 ? length - 2 : 0);
    if (is_jpeg_frame(marker) && segment.size() >= 6) {
      info.height = side(big(segment, 1, 2));
      info.width = side(big(segment, 3, 2));
      if (segment[5] == 1) info.mode = "L";
      if (segment[5] == 3) info.mode = "RGB";
      if (segment[5] == 4) info.mode = "CMYK";
    } else if (marker == 0xE1 && starts_with(segment, kExifSignature) && !has_exif) {
      info.orientation = exif_orientation(segment);
      has_exif = true;
    } else if (marker == 0xE1 && starts_with(segment, kXmpSignature) && info.orientation == 0) {
      info.orientation = read_xmp_orientation(segment).value_or(0);
    }
    at += 2 + std::max<std::size_t>(length, 2);
  }
}

std::string_view png_mode(int colour_type, int bits) {
  const bool deep = bits == 16;
  switch (colour_type) {
    case 0:
      if (bits == 1) return "1";
      return deep ? "I;16" : "L";
    case 2:
      return deep ? "RGB;16" : "RGB";
    case 3:
      return "P";
    case 4:
      return deep ? "LA;16" : "LA";
    case 6:
      return deep ? "RGBA;16" : "RGBA";
    default:
      return {};
  }
}

void read_png(Bytes data, ImageInfo& info) {
  bool before_pixels = true;
  for (std::uint64_t at = 8; at + 8 <= data.size();) {
    const std::uint32_t length = big(data, at, 4);
    const Bytes name = part(data, at + 4, 4);
    const Bytes body = part(data, at + 8, length);
    if (starts_with(name, "IEND")) return;
    if (starts_with(name, "IHDR") && body.size() >= 13) {
      info.width = side(big(body, 0, 4));
      info.height = side(big(body, 4, 4));
      info.mode = png_mode(body[9], body[8]);
      info.has_alpha = body[9] == 4 || body[9] == 6;
    } else if (starts_with(name, "IDAT")) {
      before_pixels = false;
    } else if (starts_with(name, "tRNS")) {
      info.has_alpha = true;
    } else if (starts_with(name, "acTL") && before_pixels) {
      info.animated = big(body, 0, 4) > 1;
    } else if (starts_with(name, "eXIf")) {
      info.orientation = exif_orientation(body);
    } else if (starts_with(name, "iTXt") && starts_with(body, kXmpKeyword) &&
               info.orientation == 0) {
      info.orientation = read_xmp_orientation(body).value_or(0);
    }
    at += std::uint64_t{12} + length;
  }
}

void read_webp_orientation(Bytes data, ImageInfo& info) {
  Bytes xmp;
  for (std::uint64_t at = 12; at + 8 <= data.size();) {
    const std::uint64_t length = little(data, at + 4, 4);
    const Bytes name = part(data, at, 4);
    const Bytes body = part(data, at + 8, length);
    if (starts_with(name, "EXIF")) info.orientation = exif_orientation(body);
    if (starts_with(name, "XMP ")) xmp = body;
    at += 8 + length + (length & 1);
  }
  if (info.orientation == 0) info.orientation = read_xmp_orientation(xmp).value_or(0);
}

void read_webp(Bytes data, ImageInfo& info) {
  constexpr std::uint64_t kBody = 20;  // behind the RIFF header and the first chunk's
  const Bytes chunk = part(data, 12, 4);
  if (data.size() < kBody + (starts_with(chunk, "VP8L") ? 5 : 10)) return;
  if (starts_with(chunk, "VP8X")) {
    const std::uint32_t flags = little(data, kBody, 1);
    info.has_alpha = (flags & 0x10) != 0;
    info.animated = (flags & 0x02) != 0;
    info.width = side(little(data, kBody + 4, 3) + 1);
    info.height = side(little(data, kBody + 7, 3) + 1);
    if ((flags & 0x0C) != 0) read_webp_orientation(data, info);  // EXIF, XMP
  } else if (starts_with(chunk, "VP8L")) {
    const std::uint32_t bits = little(data, kBody + 1, 4);
    info.width = side((bits & 0x3FFF) + 1);
    info.height = side((bits >> 14 & 0x3FFF) + 1);
    info.has_alpha = (bits >> 28 & 1) != 0;
  } else if (starts_with(chunk, "VP8 ")) {
    info.width = side(little(data, kBody + 6, 2) & 0x3FFF);
    info.height = side(little(data, kBody + 8, 2) & 0x3FFF);
  } else {
    return;
  }
  info.mode = info.has_alpha ? "RGBA" : "RGB";
}

}  // namespace

ImageInfo read_image_info(Bytes data) {
  ImageInfo info;
  info.kind = sniff_image(data);
  info.orientation = 0;  // nothing said
  if (info.kind == ImageKind::jpeg) read_jpeg(data, info);
  if (info.kind == ImageKind::png) read_png(data, info);
  if (info.kind == ImageKind::webp) read_webp(data, info);
  info.orientation = std::max(info.orientation, 1);
  return info;
}

}  // namespace millrace
