#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/transforms/decode/image_kind.h"

namespace millrace {

/// What the first bytes of an encoded image say of it.
struct ImageInfo {
  ImageKind kind = ImageKind::unknown;
  /// Pillow's name: "RGB", "L", "1", "P", "LA", "RGBA", "CMYK", "I;16" (16-bit gray); "RGB;16",
  /// "LA;16" and "RGBA;16" where Pillow drops half of the bits. Empty where it is not known.
  std::string_view mode;
  int width = 0;  ///< as stored, whatever `orientation` says; 0: not known
  int height = 0;
  int orientation = 1;     ///< EXIF's, else XMP's, 1 to 8; 1 where nothing is said
  bool animated = false;   ///< of several frames, of which only the first is decoded
  bool has_alpha = false;  ///< an alpha channel, or colours that are transparent
};

/// Looks at the headers of a JPEG, PNG or WebP; of other kinds only the kind is told. Decodes and
/// checks nothing: what it says of a broken image may be incomplete. Takes less than a microsecond.
ImageInfo read_image_info(std::span<const std::uint8_t> data);

}  // namespace millrace
