#pragma once

#include "millrace/transforms/image.h"
#include "millrace/transforms/native_image.h"

namespace millrace {

/// Pixels as a file has them, and EXIF's number for how they lie: 1, upright, where nobody asked.
struct StoredImage {
  ImageView pixels;
  int orientation = 1;
  NativeImage native;  ///< lies as `pixels` do
};

}  // namespace millrace
