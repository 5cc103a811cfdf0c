#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace millrace {

/// What becomes of an image whose metadata say that it lies on its side or is mirrored.
enum class ExifOrientation : std::uint8_t {
  ignore,  ///< the pixels as stored: Pillow's convert("RGB")
  apply,   ///< upright: Pillow's ImageOps.exif_transpose
};

/// What becomes of an alpha channel and of colours that count as transparent.
enum class AlphaMode : std::uint8_t {
  drop,       ///< as if it were not there: Pillow's convert("RGB")
  composite,  ///< over DecodeOptions::background: Pillow's Image.alpha_composite
};

/// In which mode an image goes through the steps that change its size or place.
enum class ColorMode : std::uint8_t {
  rgb,     ///< RGB, made of it before: Image.open(...).convert("RGB"), then the steps
  native,  ///< the file's own, made RGB before the first step that changes colours
};

/// What becomes of image data that end early or are damaged.
enum class TruncatedImages : std::uint8_t {
  error,  ///< bad_image, wherever Pillow has an error
  keep,   ///< what was decoded, the rest black: Pillow with LOAD_TRUNCATED_IMAGES
};

/// Which code decodes JPEGs; the pixels and the verdicts are the same.
enum class JpegPath : std::uint8_t {
  automatic,  ///< this library's own for plain baseline files, libjpeg-turbo for all others
  turbo,      ///< libjpeg-turbo for all
};

/// Limits and choices of image decoding.
struct DecodeOptions {
  /// More pixels than this (width x height as the header declares) is image_too_large, found before
  /// any pixel is allocated. The default is Pillow's error threshold, 2 x MAX_IMAGE_PIXELS.
  std::uint64_t max_image_pixels = 178'956'970;
  /// A JPEG with more scans than this is bad_image. Here alone a hostile file fares otherwise than
  /// with Pillow, which has no such limit: a scan without content takes some ten bytes, and time as
  /// long as the image is large. Encoders write about ten scans.
  int max_jpeg_scans = 500;

  /// From EXIF, or from XMP's tiff:Orientation where EXIF says nothing; of JPEG, PNG and WebP.
  /// Metadata that Pillow stumbles over are bad_image with `apply`.
  ExifOrientation exif_orientation = ExifOrientation::ignore;
  AlphaMode alpha = AlphaMode::drop;
  /// Red, green, blue behind what is transparent; used by AlphaMode::composite alone.
  std::array<std::uint8_t, 3> background = {255, 255, 255};
  /// `native` is what open_clip's and torchvision's transforms do with an image as Image.open gives
  /// it; a WebDataset pipeline that decodes "pilrgb" makes it RGB first. It matters for CMYK, for
  /// palettes, opacity that is dropped, one bit and 16-bit gray, where it takes longer.
  ColorMode color_mode = ColorMode::rgb;
  TruncatedImages truncated = TruncatedImages::error;
  /// Decodes a JPEG at 1/2, 1/4 or 1/8 of its size where what comes next makes it smaller still
  /// (ImageDecoder::decode_for). Faster, and the pixels differ from the reference's;
  /// docs/decoding.md says by how much.
  bool fast_scale = false;

  /// A PNG of which one compressed text or colour profile is longer than this, decompressed, is
  /// bad_image. The default is Pillow's MAX_TEXT_CHUNK.
  std::uint64_t max_png_text_bytes = std::uint64_t{1} << 20;
  /// The same of all its texts together. The default is Pillow's MAX_TEXT_MEMORY.
  std::uint64_t max_png_texts_bytes = std::uint64_t{64} << 20;

  /// A choice of speed alone: json_members() and the fingerprints made of it leave it out.
  JpegPath jpeg_decoder = JpegPath::automatic;

  bool operator==(const DecodeOptions&) const = default;
};

/// "ignore", "apply"; "drop", "composite"; "rgb", "native"; "error", "keep"; "auto", "turbo".
const char* exif_orientation_name(ExifOrientation orientation);
const char* alpha_mode_name(AlphaMode mode);
const char* color_mode_name(ColorMode mode);
const char* truncated_images_name(TruncatedImages truncated);
const char* jpeg_path_name(JpegPath path);

/// What `options` says, as members of a JSON object: `"max_image_pixels":178956970,...`. The two
/// limits on pixels and scans always, the others that change the output where they are not at their
/// defaults.
std::string json_members(const DecodeOptions& options);

}  // namespace millrace
