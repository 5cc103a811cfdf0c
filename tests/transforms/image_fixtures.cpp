#include "image_fixtures.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>

#include "millrace/transforms/decode/alpha.h"
#include "millrace/transforms/decode/decode.h"
#include "reference_data.h"

namespace millrace::test {
namespace {

Pixels copy_of(ImageView image) {
  Pixels pixels(image.width, image.height);
  pixels.rgb = packed_rgb(image);
  return pixels;
}

/// NumPy's format 1.0: magic, version, u16 header length, the header as text, then the data.
/// Channels of one byte, or gray of 16 bits.
ModePixels read_npy(const std::filesystem::path& file, std::string_view mode) {
  const std::vector<unsigned char> bytes = read_file(file);
  const std::size_t header_bytes = bytes.at(8) | bytes.at(9) << 8;
  const std::string header(bytes.begin() + 10,
                           bytes.begin() + 10 + static_cast<std::ptrdiff_t>(header_bytes));
  const std::size_t shape = header.find("'shape': (") + std::strlen("'shape': (");
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t channels = 1;
  const int sizes =
      std::sscanf(header.c_str() + shape, "%zu, %zu, %zu", &height, &width, &channels);
  const bool is_gray16 = mode == "I;16";
  if (sizes < 2 || header.find(is_gray16 ? "'<u2'" : "'|u1'") == std::string::npos) {
    throw std::runtime_error("not of mode " + std::string(mode) + ": " + file.string());
  }
  const Pixels none(static_cast<int>(width), static_cast<int>(height));
  ModePixels image;
  image.rgb = image.over_white = image.color = image.fourth = none;
  image.mode = is_gray16                        ? NativeMode::gray16
               : mode == "CMYK"                 ? NativeMode::cmyk
               : mode == "RGBA" || mode == "LA" ? NativeMode::alpha
                                                : NativeMode::rgb;
  const std::size_t pixel_bytes = is_gray16 ? 2 : channels;
  const std::uint8_t* pixel = bytes.data() + 10 + header_bytes;
  for (std::size_t i = 0; i < width * height; ++i, pixel += pixel_bytes) {
    std::uint8_t* rgb = &image.rgb.rgb[3 * i];
    std::uint8_t* over_white = &image.over_white.rgb[3 * i];
    std::uint8_t* color = &image.color.rgb[3 * i];
    std::uint8_t* fourth = &image.fourth.rgb[3 * i];
    if (is_gray16) {
      color[0] = pixel[1];
      color[1] = pixel[0];
      std::memset(rgb, clip_gray16(pixel[1], pixel[0]), 3);
      std::memcpy(over_white, rgb, 3);
      continue;
    }
    for (std::size_t c = 0; c < 3; ++c) color[c] = pixel[channels < 3 ? 0 : c];
    if (channels % 2 == 0) std::memset(fourth, pixel[channels - 1], 3);
    if (image.mode == NativeMode::cmyk) {
      cmyk_to_rgb(color, fourth[0], rgb);
    } else {
      std::memcpy(rgb, color, 3);
    }
    const int alpha = image.mode == NativeMode::alpha ? fourth[0] : 255;
    composite_pixel(rgb, alpha, {255, 255, 255}, over_white);
  }
  return image;
}

ModePixels decoded(std::span<const std::uint8_t> file) {
  ImageDecoder decoder({.color_mode = ColorMode::native});
  const Result<DecodedImage> image = decoder.decode(file);
  if (!image) throw std::runtime_error(image.error().message);
  ModePixels pixels;
  pixels.rgb = copy_of(*image);
  ImageDecoder compositing({.alpha = AlphaMode::composite});
  const Result<ImageView> over_white = compositing.decode(file);
  if (!over_white) throw std::runtime_error(over_white.error().message);
  pixels.over_white = copy_of(*over_white);
  pixels.mode = image->native.mode;
  if (image->native.color.data != nullptr) pixels.color = copy_of(image->native.color);
  if (image->native.fourth.data != nullptr) pixels.fourth = copy_of(image->native.fourth);
  if (image->native.palette != nullptr) {
    pixels.palette.assign(image->native.palette, image->native.palette + 768);
  }
  return pixels;
}

}  // namespace

std::vector<std::uint8_t> packed_rgb(ImageView image) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::uint8_t> packed;
  packed.reserve(row_bytes * static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) {
    packed.insert(packed.end(), image.row(y), image.row(y) + row_bytes);
  }
  return packed;
}

Pixels make_pixels(int width, int height, std::uint32_t seed) {
  Pixels pixels(width, height);
  std::uint32_t state = seed * 2654435761U + 1;
  std::size_t i = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        state = state * 1664525U + 1013904223U;
        const std::uint32_t noise = state >> 24;
        const auto slope = static_cast<std::uint32_t>(x * 3 + y * 2 + c * 40);
        // A quarter of the pixels at the ends of the range: that is where results are clipped.
        const std::uint32_t value = noise < 32 ? 0 : noise < 64 ? 255 : slope + noise / 4;
        pixels.rgb[i++] = static_cast<std::uint8_t>(value);
      }
    }
  }
  return pixels;
}

std::map<std::string, std::vector<std::uint8_t>> read_photos(const std::filesystem::path& data) {
  std::map<std::string, std::vector<unsigned char>> shards;
  std::map<std::string, std::vector<std::uint8_t>> photos;
  for_each_json_line(data / "photos" / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::string shard(row["shard"].get_string().value());
    auto& bytes = shards[shard];
    if (bytes.empty()) bytes = read_file(data / "photos" / shard);
    const simdjson::dom::element member = row["members"]["jpg"];
    const auto begin =
        bytes.begin() + static_cast<std::ptrdiff_t>(member["data"].get_int64().value());
    photos["photos/" + shard + "/" + std::string(row["key"].get_string().value())].assign(
        begin, begin + static_cast<std::ptrdiff_t>(member["size"].get_int64().value()));
  });
  return photos;
}

DecodedImage ModePixels::view() const {
  DecodedImage image{rgb.view(), {}};
  if (mode == NativeMode::rgb) return image;
  image.native = {mode, color.view(), {}, palette.data()};
  if (mode == NativeMode::alpha || mode == NativeMode::cmyk) image.native.fourth = fourth.view();
  return image;
}

ModePixels read_resize_input(const std::filesystem::path& data, simdjson::dom::element input,
                             const std::map<std::string, std::vector<std::uint8_t>>& photos) {
  const std::string_view kind = input["kind"];
  if (kind == "photo") {
    const std::string name = std::string(input["shard"].get_string().value()) + "/" +
                             std::string(input["key"].get_string().value());
    return decoded(photos.at(name));
  }
  const std::filesystem::path file = data / std::string(input["file"].get_string().value());
  if (kind == "png") return decoded(read_file(file));
  const std::string_view mode = input["mode"];
  if (mode == "I" || mode == "F") return {};
  return read_npy(file, mode);
}

}  // namespace millrace::test
