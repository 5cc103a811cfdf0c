#include "image_encoders.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <jpeglib.h>
#include <webp/encode.h>
#include <zlib.h>

namespace millrace::test {
namespace {

void append_be32(Bytes& bytes, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_chunk(Bytes& png, std::string_view name, const Bytes& body) {
  append_be32(png, body.size());
  const std::size_t begin = png.size();
  png.insert(png.end(), name.begin(), name.end());
  png.insert(png.end(), body.begin(), body.end());
  append_be32(png, crc32_z(0, png.data() + begin, png.size() - begin));
}

}  // namespace

Bytes encode_png(const Pixels& pixels) {
  Bytes rows;
  for (int y = 0; y < pixels.height; ++y) {
    rows.push_back(0);
    const std::uint8_t* row = pixels.view().row(y);
    rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(pixels.width) * 3);
  }
  Bytes packed(compressBound(rows.size()));
  uLongf packed_bytes = packed.size();
  if (compress(packed.data(), &packed_bytes, rows.data(), rows.size()) != Z_OK) {
    throw std::runtime_error("zlib cannot compress");
  }
  packed.resize(packed_bytes);

  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Bytes header;
  append_be32(header, static_cast<std::size_t>(pixels.width));
  append_be32(header, static_cast<std::size_t>(pixels.height));
  header.insert(header.end(), {8, 2, 0, 0, 0});
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", {});
  return png;
}

Bytes encode_webp(const Pixels& pixels, bool lossless) {
  std::uint8_t* data = nullptr;
  const int stride = pixels.width * 3;
  const std::size_t size =
      lossless
          ? WebPEncodeLosslessRGB(pixels.rgb.data(), pixels.width, pixels.height, stride, &data)
          : WebPEncodeRGB(pixels.rgb.data(), pixels.width, pixels.height, stride, 80, &data);
  Bytes webp(data, data + size);
  WebPFree(data);
  return webp;
}

Pixels libjpeg_pixels(const Bytes& jpeg) {
  jpeg_decompress_struct cinfo{};
  jpeg_error_mgr errors{};
  cinfo.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&cinfo);
  jpeg_mem_src(&cinfo, jpeg.data(), jpeg.size());
  jpeg_read_header(&cinfo, TRUE);
  cinfo.out_color_space = JCS_RGB;
  jpeg_start_decompress(&cinfo);
  Pixels pixels(static_cast<int>(cinfo.output_width), static_cast<int>(cinfo.output_height));
  while (cinfo.output_scanline < cinfo.output_height) {
    JSAMPROW row = pixels.view().row(static_cast<int>(cinfo.output_scanline));
    jpeg_read_scanlines(&cinfo, &row, 1);
  }
  jpeg_finish_decompress(&cinfo);
  jpeg_destroy_decompress(&cinfo);
  return pixels;
}

}  // namespace millrace::test
