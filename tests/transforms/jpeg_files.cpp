#include "jpeg_files.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace millrace::test {

std::vector<std::uint8_t> encode_jpeg(ImageView image, const JpegChoices& choices) {
  jpeg_compress_struct cinfo{};
  jpeg_error_mgr errors{};
  cinfo.err = jpeg_std_error(&errors);
  jpeg_create_compress(&cinfo);
  unsigned char* data = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&cinfo, &data, &size);
  cinfo.image_width = static_cast<JDIMENSION>(image.width);
  cinfo.image_height = static_cast<JDIMENSION>(image.height);
  cinfo.input_components = 3;
  cinfo.in_color_space = JCS_RGB;
  jpeg_set_defaults(&cinfo);
  if (choices.gray) jpeg_set_colorspace(&cinfo, JCS_GRAYSCALE);
  if (choices.rgb) {
    jpeg_set_colorspace(&cinfo, JCS_RGB);
    cinfo.write_Adobe_marker = TRUE;
  }
  jpeg_set_quality(&cinfo, choices.quality, TRUE);
  cinfo.comp_info[0].h_samp_factor = choices.h_sampling;
  cinfo.comp_info[0].v_samp_factor = choices.v_sampling;
  cinfo.optimize_coding = choices.optimized ? TRUE : FALSE;
  cinfo.restart_interval = choices.restart_mcus;
  cinfo.restart_in_rows = choices.restart_rows;
  cinfo.arith_code = choices.arithmetic ? TRUE : FALSE;
  if (choices.progressive) jpeg_simple_progression(&cinfo);
  jpeg_start_compress(&cinfo, TRUE);
  for (int y = 0; y < image.height; ++y) {
    auto* row = const_cast<JSAMPLE*>(image.row(y));  // NOLINT: libjpeg reads only
    jpeg_write_scanlines(&cinfo, &row, 1);
  }
  jpeg_finish_compress(&cinfo);
  std::vector<std::uint8_t> jpeg(data, data + size);
  jpeg_destroy_compress(&cinfo);
  std::free(data);  // NOLINT: from libjpeg
  return jpeg;
}

std::vector<std::uint8_t> make_jpeg(const JpegRecipe& recipe) {
  const std::size_t row_bytes = static_cast<std::size_t>(recipe.width) * 3;
  std::vector<std::uint8_t> pixels(row_bytes * static_cast<std::size_t>(recipe.height));
  std::uint32_t state = recipe.seed;
  for (int y = 0; y < recipe.height; ++y) {
    std::uint8_t* row = pixels.data() + static_cast<std::size_t>(y) * row_bytes;
    for (std::size_t i = 0; i < row_bytes; ++i) {
      state = state * 1664525U + 1013904223U;
      const double x = static_cast<double>(i) / 3;
      const double wave = 128 + 100 * std::sin(x / 19 + y / 23.0 + static_cast<double>(i % 3) +
                                               static_cast<double>(recipe.seed % 100));
      const int noise = (static_cast<int>(state >> 24) - 128) * recipe.noise / 256;
      const int base = recipe.noise >= 256 ? 128 : static_cast<int>(wave);
      row[i] = static_cast<std::uint8_t>(std::clamp(base + noise, 0, 255));
    }
  }
  return encode_jpeg({pixels.data(), recipe.width, recipe.height, row_bytes}, recipe);
}

JpegRecipe any_recipe(std::mt19937& random, int longest) {
  const auto draw = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  JpegRecipe recipe;
  recipe.width = draw(1, longest);
  recipe.height = draw(1, longest);
  recipe.quality = draw(1, 100);
  recipe.h_sampling = draw(1, 2);
  recipe.v_sampling = draw(1, 2);
  recipe.gray = draw(0, 7) == 0;
  recipe.rgb = !recipe.gray && draw(0, 7) == 0;
  recipe.optimized = draw(0, 1) == 1;
  if (draw(0, 2) == 0) recipe.restart_mcus = static_cast<unsigned>(draw(1, 20));
  if (draw(0, 5) == 0) recipe.restart_rows = draw(1, 3);
  recipe.noise = draw(0, 3) == 0 ? 0 : draw(0, 256);
  recipe.seed = static_cast<std::uint32_t>(random());
  return recipe;
}

}  // namespace millrace::test
