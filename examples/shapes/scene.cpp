#include "shapes/scene.h"

namespace shapes {

namespace {

Group draw_group(Random& random) {
  Group group;
  group.count = random.whole(1, 3);
  group.large = random.chance(0.5);
  group.colour = random.whole(0, static_cast<int>(kColourNames.size()) - 1);
  group.shape = random.whole(0, static_cast<int>(kShapeNames.size()) - 1);
  return group;
}

std::string describe(const Group& group, Random& random) {
  static constexpr std::array<const char*, 3> kNumbers = {"one", "two", "three"};
  const bool article = group.count == 1 && random.chance(0.7);
  const std::string number = article ? "a" : kNumbers[static_cast<std::size_t>(group.count - 1)];
  std::string noun = kShapeNames[static_cast<std::size_t>(group.shape)];
  if (group.count > 1) noun += noun == "cross" ? "es" : "s";
  return number + (group.large ? " large " : " small ") +
         kColourNames[static_cast<std::size_t>(group.colour)] + " " + noun;
}

// "@1" and "@2" stand for the first and the second group.
constexpr std::array<const char*, 7> kStackedTemplates = {"@1 above @2",
                                                          "@2 below @1",
                                                          "@1 over @2",
                                                          "@2 under @1",
                                                          "a picture of @1 above @2",
                                                          "@1 at the top and @2 at the bottom",
                                                          "a photo of @2 beneath @1"};
constexpr std::array<const char*, 7> kBesideTemplates = {"@1 left of @2",
                                                         "@2 right of @1",
                                                         "@1 to the left of @2",
                                                         "@2 to the right of @1",
                                                         "a picture of @1 left of @2",
                                                         "@1 on the left and @2 on the right",
                                                         "a photo of @2 right of @1"};

}  // namespace

int scene_number(const Scene& scene) {
  const auto group_number = [](const Group& group) {
    const int kind = group.shape * static_cast<int>(kColourNames.size()) + group.colour;
    return (kind * 2 + (group.large ? 1 : 0)) * 3 + group.count - 1;
  };
  constexpr int kGroups = static_cast<int>(kColourNames.size() * kShapeNames.size()) * 6;
  return (group_number(scene.first) * kGroups + group_number(scene.second)) * 2 +
         (scene.stacked ? 1 : 0);
}

Scene draw_scene(Random& random) {
  Scene scene;
  scene.first = draw_group(random);
  // Two equal groups would make "above" and "below" the same picture.
  do {
    scene.second = draw_group(random);
  } while (scene.second == scene.first);
  scene.stacked = random.chance(0.5);
  return scene;
}

std::string describe(const Scene& scene, Random& random) {
  const std::string text =
      random.pick(std::span(scene.stacked ? kStackedTemplates : kBesideTemplates));
  std::string caption;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '@') {
      caption += text[i];
    } else {
      caption += describe(text[++i] == '1' ? scene.first : scene.second, random);
    }
  }
  return caption;
}

}  // namespace shapes
