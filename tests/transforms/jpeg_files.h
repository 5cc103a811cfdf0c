#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace millrace::test {

/// How a JPEG is made; by default as most files are.
struct JpegRecipe {
  int width = 64;
  int height = 64;
  int quality = 75;
  int h_sampling = 2;  ///< of the first component; the others have 1
  int v_sampling = 2;
  bool gray = false;
  bool rgb = false;  ///< not converted to YCbCr, with an Adobe marker
  bool optimized = false;
  bool progressive = false;
  unsigned restart_mcus = 0;
  int restart_rows = 0;
  int noise = 32;  ///< 0: a smooth picture; 256: nothing but noise
  std::uint32_t seed = 1;
};

/// A file of libjpeg's encoder.
std::vector<std::uint8_t> make_jpeg(const JpegRecipe& recipe);

/// Any plain baseline file: sides of 1 to `longest`, all qualities, samplings and intervals.
JpegRecipe any_recipe(std::mt19937& random, int longest);

}  // namespace millrace::test
