#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shapes/random.h"
#include "shapes/scene.h"

namespace shapes {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  ///< rows of interleaved RGB
};

/// The scene as a photograph of it might look: a size of 160 to 640 pixels a side in either
/// orientation, a background of one of four kinds, shapes with smooth edges that are shifted and
/// turned a little, and sensor noise. The scene lies within the central square, which a centre crop
/// keeps.
Picture paint(const Scene& scene, Random& random);

/// As a JPEG file of quality 60 to 95, with or without chroma subsampling, now and then
/// progressive.
std::vector<std::uint8_t> encode_jpeg(const Picture& picture, Random& random);

}  // namespace shapes
