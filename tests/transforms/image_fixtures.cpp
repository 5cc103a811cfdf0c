#include "image_fixtures.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <stdexcept>

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
Pixels read_npy_rgb(const std::filesystem::path& file) {
  const std::vector<unsigned char> bytes = read_file(file);
  const std::size_t header_bytes = bytes.at(8) | bytes.at(9) << 8;
  const std::string header(bytes.begin() + 10,
                           bytes.begin() + 10 + static_cast<std::ptrdiff_t>(header_bytes));
  const std::size_t shape = header.find("'shape': (") + std::strlen("'shape': (");
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t channels = 0;
  if (std::sscanf(header.c_str() + shape, "%zu, %zu, %zu", &height, &width, &channels) != 3 ||
      channels != 3 || header.find("'|u1'") == std::string::npos) {
    throw std::runtime_error("not 8-bit RGB: " + file.string());
  }
  Pixels pixels(static_cast<int>(width), static_cast<int>(height));
  std::memcpy(pixels.rgb.data(), bytes.data() + 10 + header_bytes, pixels.rgb.size());
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

Pixels read_resize_input(const std::filesystem::path& data, simdjson::dom::element input,
                         const std::map<std::string, std::vector<std::uint8_t>>& photos) {
  const std::string_view kind = input["kind"];
  if (kind == "photo") {
    const std::string name = std::string(input["shard"].get_string().value()) + "/" +
                             std::string(input["key"].get_string().value());
    ImageDecoder decoder;
    const Result<ImageView> image = decoder.decode(photos.at(name));
    if (!image) throw std::runtime_error(image.error().message);
    return copy_of(*image);
  }
  std::string_view mode;
  if (kind != "npy" || input["mode"].get(mode) != simdjson::SUCCESS || mode != "RGB") return {};
  return read_npy_rgb(data / std::string(input["file"].get_string().value()));
}

}  // namespace millrace::test
