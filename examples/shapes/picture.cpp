#include "shapes/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace shapes {

namespace {

using Colour = std::array<double, 3>;

constexpr std::array<Colour, kColourNames.size()> kColours = {{{215, 35, 40},
                                                               {30, 150, 60},
                                                               {35, 70, 210},
                                                               {245, 215, 40},
                                                               {245, 135, 25},
                                                               {130, 45, 160},
                                                               {22, 22, 26},
                                                               {250, 250, 250}}};

struct Point {
  double x = 0;
  double y = 0;
};

Colour jittered(Colour colour, double amount, Random& random) {
  for (double& channel : colour) {
    channel = std::clamp(channel + random.between(-amount, amount), 0.0, 255.0);
  }
  return colour;
}

std::uint8_t* pixel(Picture& picture, int x, int y) {
  return picture.rgb.data() +
         3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
              static_cast<std::size_t>(x));
}

void blend(std::uint8_t* pixel, const Colour& colour, double coverage) {
  for (std::size_t c = 0; c < 3; ++c) {
    pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + (colour[c] - pixel[c]) * coverage));
  }
}

// Muted tones between the named colours, so that every shape, white and black too, stands out.
void paint_background(Picture& picture, Random& random) {
  enum Kind { plain, gradient, stripes, checks };
  const int kind = random.whole(plain, checks);
  const double grey = random.between(105, 175);
  const Colour near = jittered({grey, grey, grey}, 22, random);
  const Colour far = jittered(near, kind == gradient ? 40 : 14, random);
  const double angle = random.between(0, 2 * std::numbers::pi);
  const double reach = std::hypot(picture.width, picture.height);
  const double period = kind == gradient ? 2 * reach : random.between(0.03, 0.12) * reach;
  const double cosine = std::cos(angle) / period;
  const double sine = std::sin(angle) / period;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double along =
          x * cosine + y * sine + 4096;  // in periods; the offset makes it positive
      const double across = y * cosine - x * sine + 4096;
      double share = 0;
      if (kind == gradient || kind == stripes) {
        share = std::abs(2 * (along - static_cast<int>(along)) - 1);
      } else if (kind == checks) {
        share = (static_cast<int>(along) + static_cast<int>(across)) % 2;
      }
      std::uint8_t* at = pixel(picture, x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        at[c] = static_cast<std::uint8_t>(near[c] + (far[c] - near[c]) * share);
      }
    }
  }
}

// Corners on the unit circle or within, in order; empty for the round shapes.
std::vector<Point> corners(int shape) {
  static constexpr double kPi = std::numbers::pi;
  std::vector<Point> points;
  const auto add = [&](double radius, double angle) {
    points.push_back({radius * std::sin(angle), -radius * std::cos(angle)});
  };
  switch (shape) {
    case 1:
      for (int i = 0; i < 4; ++i) add(1.15, kPi / 4 + i * kPi / 2);
      break;
    case 2:
      for (int i = 0; i < 3; ++i) add(1.15, i * 2 * kPi / 3);
      break;
    case 3:
      for (int i = 0; i < 10; ++i) add(i % 2 == 0 ? 1.15 : 0.45, i * kPi / 5);
      break;
    case 5: {
      constexpr double kArm = 0.3;
      for (int i = 0; i < 4; ++i) {
        const double half_width = std::atan2(kArm, 1.0);
        add(std::hypot(kArm, 1.0), i * kPi / 2 - half_width);
        add(std::hypot(kArm, 1.0), i * kPi / 2 + half_width);
        add(kArm * std::numbers::sqrt2, i * kPi / 2 + kPi / 4);
      }
      break;
    }
    default:
      break;
  }
  return points;
}

// Signed distance to a polygon, negative inside: the nearest edge, and the crossing count for the
// sign.
double distance_to(const std::vector<Point>& polygon, Point p) {
  double squared = std::numeric_limits<double>::max();
  bool inside = false;
  for (std::size_t i = 0, j = polygon.size() - 1; i < polygon.size(); j = i++) {
    const Point a = polygon[i];
    const Point edge = {polygon[j].x - a.x, polygon[j].y - a.y};
    const Point to = {p.x - a.x, p.y - a.y};
    const double share =
        std::clamp((to.x * edge.x + to.y * edge.y) / (edge.x * edge.x + edge.y * edge.y), 0.0, 1.0);
    const double dx = to.x - edge.x * share;
    const double dy = to.y - edge.y * share;
    squared = std::min(squared, dx * dx + dy * dy);
    if ((a.y > p.y) != (polygon[j].y > p.y) && p.x < a.x + (p.y - a.y) * edge.x / edge.y) {
      inside = !inside;
    }
  }
  return inside ? -std::sqrt(squared) : std::sqrt(squared);
}

void paint_shape(Picture& picture, int shape, Point centre, double radius, double turn,
                 const Colour& colour) {
  constexpr int kRing = 4;
  const std::vector<Point> polygon = corners(shape);
  const double cosine = std::cos(turn);
  const double sine = std::sin(turn);
  const double reach = radius * 1.2 + 1;
  const int top = std::max(0, static_cast<int>(centre.y - reach));
  const int bottom = std::min(picture.height - 1, static_cast<int>(centre.y + reach));
  const int left = std::max(0, static_cast<int>(centre.x - reach));
  const int right = std::min(picture.width - 1, static_cast<int>(centre.x + reach));
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const double dx = (x - centre.x) / radius;
      const double dy = (y - centre.y) / radius;
      const Point p = {dx * cosine + dy * sine, dy * cosine - dx * sine};
      double distance = 0;
      if (!polygon.empty()) {
        distance = distance_to(polygon, p);
      } else if (shape == kRing) {
        distance = std::abs(std::hypot(p.x, p.y) - 0.8) - 0.22;
      } else {
        distance = std::hypot(p.x, p.y) - 1;
      }
      const double coverage = std::clamp(0.5 - distance * radius, 0.0, 1.0);
      if (coverage > 0) blend(pixel(picture, x, y), colour, coverage);
    }
  }
}

// `middle` is where the group lies across the scene's axis, as a share of the square's side.
void paint_group(Picture& picture, const Group& group, bool stacked, double middle,
                 Random& random) {
  const double side = std::min(picture.width, picture.height);
  const Point origin = {(picture.width - side) / 2, (picture.height - side) / 2};
  const double radius = (group.large ? 0.145 : 0.085) * side * random.between(0.95, 1.05);
  const Colour colour = jittered(kColours[static_cast<std::size_t>(group.colour)], 15, random);
  const double shift = random.between(-0.03, 0.03);
  for (int i = 0; i < group.count; ++i) {
    const double along =
        0.5 + (i - (group.count - 1) / 2.0) * 0.32 + shift + random.between(-0.008, 0.008);
    const double across = middle + random.between(-0.03, 0.03);
    const Point at = stacked ? Point{along, across} : Point{across, along};
    paint_shape(picture, group.shape, {origin.x + at.x * side, origin.y + at.y * side}, radius,
                random.between(-0.2, 0.2), colour);
  }
}

void add_noise(Picture& picture, Random& random) {
  const double amplitude = random.between(0, 9);
  for (std::uint8_t& value : picture.rgb) {
    // The sum of two even distributions is a triangular one: near enough to a sensor's noise.
    const std::uint64_t bits = random.next();
    const double noise = static_cast<double>(bits & 0xffffU) / 65536.0 +
                         static_cast<double>(bits >> 48) / 65536.0 - 1.0;
    value = static_cast<std::uint8_t>(std::clamp(value + amplitude * noise, 0.0, 255.0));
  }
}

}  // namespace

Picture paint(const Scene& scene, Random& random) {
  Picture picture;
  const int shorter = random.whole(160, 420);
  const int longer = std::min(640, static_cast<int>(shorter * random.between(1.0, 1.6)));
  const bool upright = random.chance(0.5);
  picture.width = upright ? shorter : longer;
  picture.height = upright ? longer : shorter;
  picture.rgb.resize(3 * static_cast<std::size_t>(picture.width) *
                     static_cast<std::size_t>(picture.height));
  paint_background(picture, random);
  paint_group(picture, scene.first, scene.stacked, 0.25, random);
  paint_group(picture, scene.second, scene.stacked, 0.75, random);
  add_noise(picture, random);
  return picture;
}

}  // namespace shapes
