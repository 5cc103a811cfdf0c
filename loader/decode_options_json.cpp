#include <string>

#include "millrace/loader/decode_options_json-inl.h"

namespace millrace {

DecodeOptions read_decode_options(const JsonObject& from) {
  DecodeOptions options;
  // Which of two choices a key names.
  const auto read_choice = [&](const char* key, auto& to, auto name_of, auto first, auto second) {
    if (!from.has(key)) return;
    const std::string name = from.text(key);
    if (name != name_of(first) && name != name_of(second)) {
      from.wrong(key, std::string("\"") + name_of(first) + "\" or \"" + name_of(second) + "\"");
    }
    to = name == name_of(first) ? first : second;
  };
  from.read("max_image_pixels", options.max_image_pixels);
  options.max_jpeg_scans = from.small_int("max_jpeg_scans", options.max_jpeg_scans);
  read_choice("exif_orientation", options.exif_orientation, exif_orientation_name,
              ExifOrientation::ignore, ExifOrientation::apply);
  read_choice("alpha", options.alpha, alpha_mode_name, AlphaMode::drop, AlphaMode::composite);
  if (from.has("background")) {
    const std::vector<std::uint64_t> colour = from.numbers("background");
    if (colour.size() != options.background.size()) from.wrong("background", "three numbers");
    for (std::size_t i = 0; i < colour.size(); ++i) {
      if (colour[i] > 255) from.wrong("background", "three numbers up to 255");
      options.background[i] = static_cast<std::uint8_t>(colour[i]);
    }
  }
  read_choice("color_mode", options.color_mode, color_mode_name, ColorMode::rgb, ColorMode::native);
  read_choice("truncated", options.truncated, truncated_images_name, TruncatedImages::error,
              TruncatedImages::keep);
  read_choice("jpeg_decoder", options.jpeg_decoder, jpeg_path_name, JpegPath::automatic,
              JpegPath::turbo);
  from.read("fast_scale", options.fast_scale);
  from.read("max_png_text_bytes", options.max_png_text_bytes);
  from.read("max_png_texts_bytes", options.max_png_texts_bytes);
  return options;
}

}  // namespace millrace
