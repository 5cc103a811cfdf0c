// Makes a small image-text dataset: captioned pictures of coloured shapes, as real JPEG files in
// WebDataset shards, one set to train on and one of other scenes to measure with.
//
//   draw_shapes --out shapes --count 8000 --shards 8 --held-out 512 --seed 7
//
// writes shapes/train-{000000..000007}.tar and shapes/held_out-000000.tar. The same options make
// the same bytes.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "arguments.h"
#include "shapes/picture.h"
#include "shapes/random.h"
#include "shapes/scene.h"
#include "shapes/shard_file.h"

namespace {

struct Sample {
  std::string key;
  std::uint64_t stream;  // of random numbers: what it shows does not depend on who draws it
  shapes::Scene scene;
};

struct ShardPlan {
  std::string path;
  std::vector<Sample> samples;
};

std::string padded(std::size_t number, int digits) {
  std::string text = std::to_string(number);
  if (text.size() < static_cast<std::size_t>(digits)) text.insert(0, digits - text.size(), '0');
  return text;
}

/// Scenes of all shards. No held-out scene is shown twice or trained on, so each held-out caption
/// belongs to exactly one picture.
std::vector<ShardPlan> plan_shards(const Arguments& arguments) {
  const auto seed = static_cast<std::uint64_t>(arguments.whole("seed"));
  const auto count = static_cast<std::size_t>(arguments.whole("count"));
  const auto held_out = static_cast<std::size_t>(arguments.whole("held-out"));
  const auto shards = static_cast<std::size_t>(arguments.whole("shards"));
  if (shards == 0 || count < shards) {
    throw std::invalid_argument("option --shards wants a number from 1 to --count");
  }
  if (held_out > 10'000) throw std::invalid_argument("option --held-out wants 10000 or fewer");

  shapes::Random random(seed, 0);
  std::uint64_t stream = 0;
  std::set<int> kept_apart;
  const std::filesystem::path folder = arguments.text("out");
  std::vector<ShardPlan> plans = {{(folder / "held_out-000000.tar").string(), {}}};
  while (kept_apart.size() < held_out) {
    const shapes::Scene scene = shapes::draw_scene(random);
    if (!kept_apart.insert(shapes::scene_number(scene)).second) continue;
    plans.front().samples.push_back({"held_out" + padded(++stream, 8), stream, scene});
  }
  for (std::size_t shard = 0; shard < shards; ++shard) {
    ShardPlan plan{(folder / ("train-" + padded(shard, 6) + ".tar")).string(), {}};
    const std::size_t end = count * (shard + 1) / shards - count * shard / shards;
    while (plan.samples.size() < end) {
      const shapes::Scene scene = shapes::draw_scene(random);
      if (kept_apart.contains(shapes::scene_number(scene))) continue;
      plan.samples.push_back({"train" + padded(++stream, 8), stream, scene});
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

void write_shard(const ShardPlan& plan, std::uint64_t seed) {
  shapes::ShardFile file(plan.path);
  for (const Sample& sample : plan.samples) {
    shapes::Random random(seed, sample.stream);
    const std::string caption = shapes::describe(sample.scene, random);
    const shapes::Picture picture = shapes::paint(sample.scene, random);
    file.add(sample.key + ".jpg", shapes::encode_jpeg(picture, random));
    file.add(sample.key + ".txt", caption);
    file.add(sample.key + ".json", R"({"key": ")" + sample.key + R"(", "caption": ")" + caption +
                                       R"(", "width": )" + std::to_string(picture.width) +
                                       R"(, "height": )" + std::to_string(picture.height) + "}");
  }
  file.finish();
}

void run(int count, char** words) {
  const Arguments arguments(
      count, words,
      {{"out", "shapes"}, {"count", "8000"}, {"shards", "8"}, {"held-out", "512"}, {"seed", "7"}});
  const std::vector<ShardPlan> plans = plan_shards(arguments);
  const auto seed = static_cast<std::uint64_t>(arguments.whole("seed"));
  std::filesystem::create_directories(arguments.text("out"));

  std::atomic<std::size_t> next = 0;
  std::vector<std::exception_ptr> failures(plans.size());
  {
    std::vector<std::jthread> painters;
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
    for (unsigned i = 0; i < threads; ++i) {
      painters.emplace_back([&] {
        for (std::size_t shard = next++; shard < plans.size(); shard = next++) {
          try {
            write_shard(plans[shard], seed);
          } catch (...) {
            failures[shard] = std::current_exception();
          }
        }
      });
    }
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  std::size_t pictures = 0;
  for (const ShardPlan& plan : plans) pictures += plan.samples.size();
  std::cout << pictures << " captioned pictures in " << plans.size() << " shards under "
            << arguments.text("out") << "\n";
}

}  // namespace

int main(int count, char** words) {
  try {
    run(count, words);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "draw_shapes: %s\n", error.what());
    return 1;
  }
}
