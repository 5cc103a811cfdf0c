#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "shapes/random.h"

namespace shapes {

inline constexpr std::array<const char*, 6> kShapeNames = {"circle", "square", "triangle",
                                                           "star",   "ring",   "cross"};
inline constexpr std::array<const char*, 8> kColourNames = {"red",    "green",  "blue",  "yellow",
                                                            "orange", "purple", "black", "white"};

/// Some equal shapes in a row: indices into the names above.
struct Group {
  int count = 1;  ///< 1 to 3
  bool large = false;
  int colour = 0;
  int shape = 0;

  bool operator==(const Group&) const = default;
};

/// Two groups, one above the other or side by side: all that a caption says. There are
/// 2 * (3 * 2 * 8 * 6)^2 = 165,888 scenes.
struct Scene {
  Group first;   ///< the upper or left one
  Group second;  ///< the lower or right one
  bool stacked = false;
};

Scene draw_scene(Random& random);

/// Different for different scenes.
int scene_number(const Scene& scene);

/// One of several ways to say it, e.g. "two small red circles above a large blue square". Captions
/// of different scenes differ.
std::string describe(const Scene& scene, Random& random);

}  // namespace shapes
