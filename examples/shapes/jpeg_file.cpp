#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "shapes/picture.h"

namespace shapes {

std::vector<std::uint8_t> encode_jpeg(const Picture& picture, Random& random) {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* data = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type
  jpeg_mem_dest(&encoder, &data, &size);

  encoder.image_width = static_cast<JDIMENSION>(picture.width);
  encoder.image_height = static_cast<JDIMENSION>(picture.height);
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, random.whole(60, 95), TRUE);
  const int sampling = random.chance(0.3) ? 1 : 2;
  encoder.comp_info[0].h_samp_factor = sampling;
  encoder.comp_info[0].v_samp_factor = sampling;
  if (random.chance(0.1)) jpeg_simple_progression(&encoder);

  jpeg_start_compress(&encoder, TRUE);
  const auto row_bytes = 3 * static_cast<std::size_t>(picture.width);
  while (encoder.next_scanline < encoder.image_height) {
    auto* row = const_cast<JSAMPLE*>(picture.rgb.data() + encoder.next_scanline * row_bytes);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  std::vector<std::uint8_t> file(data, data + size);
  jpeg_destroy_compress(&encoder);
  std::free(data);
  return file;
}

}  // namespace shapes
