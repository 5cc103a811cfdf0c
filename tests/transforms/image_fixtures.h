#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <simdjson.h>

#include "millrace/transforms/image.h"
#include "millrace/transforms/native_image.h"

namespace millrace::test {

/// Pixels that own their memory, without padding.
struct Pixels {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  Pixels() = default;
  Pixels(int columns, int rows)
      : width(columns),
        height(rows),
        rgb(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows) * 3) {}

  ImageView view() const {
    return {rgb.data(), width, height, static_cast<std::size_t>(width) * 3};
  }
  MutableImageView view() {
    return {rgb.data(), width, height, static_cast<std::size_t>(width) * 3};
  }
};

/// The rows of `image` without what lies between them.
std::vector<std::uint8_t> packed_rgb(ImageView image);

/// Pixels that are the same for the same arguments: noise over a gradient.
Pixels make_pixels(int width, int height, std::uint32_t seed);

/// The reference photos: (shard, key) -> the bytes of its JPEG.
std::map<std::string, std::vector<std::uint8_t>> read_photos(const std::filesystem::path& data);

/// An image in its native mode, in RGB without its opacity, and in RGB over white.
struct ModePixels {
  Pixels rgb;
  Pixels over_white;
  NativeMode mode = NativeMode::rgb;
  Pixels color;
  Pixels fourth;
  std::vector<std::uint8_t> palette;

  DecodedImage view() const;
};

/// An input of the resize references. Without pixels where its mode is that of no JPEG, PNG or
/// WebP.
ModePixels read_resize_input(const std::filesystem::path& data, simdjson::dom::element input,
                             const std::map<std::string, std::vector<std::uint8_t>>& photos);

}  // namespace millrace::test
