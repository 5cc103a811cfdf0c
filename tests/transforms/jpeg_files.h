#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "millrace/transforms/image.h"

namespace millrace::test {

/// How a JPEG is encoded; by default as most files are.
struct JpegChoices {
  int h_sampling = 2;  ///< of the first component; the others have 1
  int v_sampling = 2;
  bool progressive = false;
  bool arithmetic = false;
  bool gray = false;
  int restart_rows = 0;
  unsigned restart_mcus = 0;
  int quality = 75;
  bool rgb = false;  ///< not converted to YCbCr, with an Adobe marker
  bool optimized = false;
};

/// A file of libjpeg's encoder.
std::vector<std::uint8_t> encode_jpeg(ImageView image, const JpegChoices& choices);

/// How a JPEG is drawn and encoded.
struct JpegRecipe : JpegChoices {
  int width = 64;
  int height = 64;
  int noise = 32;  ///< 0: a smooth picture; 256: nothing but noise
  std::uint32_t seed = 1;
};

/// A drawn picture, encoded.
std::vector<std::uint8_t> make_jpeg(const JpegRecipe& recipe);

/// Any plain baseline file: sides of 1 to `longest`, all qualities, samplings and intervals.
JpegRecipe any_recipe(std::mt19937& random, int longest);

}  // namespace millrace::test
