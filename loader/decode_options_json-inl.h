#pragma once

#include <array>
#include <string_view>

#include "millrace/loader/json_object-inl.h"
#include "millrace/transforms/decode/decode_options.h"

namespace millrace {

/// The names of DecodeOptions' members, which stand among a transform's own.
inline constexpr std::array<std::string_view, 11> kDecodeOptionKeys = {
    "max_image_pixels",    "max_jpeg_scans", "exif_orientation", "alpha",
    "background",          "truncated",      "fast_scale",       "max_png_text_bytes",
    "max_png_texts_bytes", "jpeg_decoder",   "color_mode"};

/// What is absent keeps its default. Throws std::invalid_argument.
DecodeOptions read_decode_options(const JsonObject& from);

}  // namespace millrace
