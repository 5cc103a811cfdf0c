#include "millrace/transforms/decode/decode_options.h"

namespace millrace {

const char* exif_orientation_name(ExifOrientation orientation) {
  return orientation == ExifOrientation::apply ? "apply" : "ignore";
}

const char* alpha_mode_name(AlphaMode mode) {
  return mode == AlphaMode::composite ? "composite" : "drop";
}

const char* color_mode_name(ColorMode mode) { return mode == ColorMode::native ? "native" : "rgb"; }

const char* truncated_images_name(TruncatedImages truncated) {
  return truncated == TruncatedImages::keep ? "keep" : "error";
}

const char* jpeg_path_name(JpegPath path) { return path == JpegPath::turbo ? "turbo" : "auto"; }

std::string json_members(const DecodeOptions& options) {
  constexpr DecodeOptions kDefaults;
  std::string text = R"("max_image_pixels":)" + std::to_string(options.max_image_pixels) +
                     R"(,"max_jpeg_scans":)" + std::to_string(options.max_jpeg_scans);
  const auto add_name = [&](const char* key, const char* name) {
    text.append(",\"").append(key).append("\":\"").append(name).append("\"");
  };
  const auto add_number = [&](const char* key, std::uint64_t value, std::uint64_t otherwise) {
    if (value == otherwise) return;
    text.append(",\"").append(key).append("\":").append(std::to_string(value));
  };
  if (options.exif_orientation != kDefaults.exif_orientation) {
    add_name("exif_orientation", exif_orientation_name(options.exif_orientation));
  }
  if (options.alpha != kDefaults.alpha) add_name("alpha", alpha_mode_name(options.alpha));
  if (options.background != kDefaults.background) {
    text += R"(,"background":[)" + std::to_string(options.background[0]) + "," +
            std::to_string(options.background[1]) + "," + std::to_string(options.background[2]) +
            "]";
  }
  if (options.color_mode != kDefaults.color_mode) {
    add_name("color_mode", color_mode_name(options.color_mode));
  }
  if (options.truncated != kDefaults.truncated) {
    add_name("truncated", truncated_images_name(options.truncated));
  }
  if (options.fast_scale) text += R"(,"fast_scale":true)";
  add_number("max_png_text_bytes", options.max_png_text_bytes, kDefaults.max_png_text_bytes);
  add_number("max_png_texts_bytes", options.max_png_texts_bytes, kDefaults.max_png_texts_bytes);
  return text;
}

}  // namespace millrace
