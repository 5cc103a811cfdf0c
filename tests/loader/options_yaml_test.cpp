#include "millrace/loader/options_yaml.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "millrace/loader/loader.h"
#include "refusal.h"
#include "scratch_folder.h"
#include "shards.h"

namespace millrace {
namespace {

class Description {
 public:
  std::string write(const std::string& yaml) {
    std::filesystem::create_directories(folder_.path("d"));
    const std::string path = folder_.path("d/data.yaml");
    std::ofstream(path, std::ios::binary) << yaml;
    return path;
  }
  LoaderOptions options(const std::string& yaml) { return options_from_yaml(write(yaml)); }
  std::string refusal(const std::string& yaml) {
    return test::refusal_of([&] { options(yaml); });
  }
  std::string folder() const { return folder_.path("d/"); }

 private:
  test::ScratchFolder folder_;
};

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("a description has the structure of the options") {
  Description description;
  const LoaderOptions options = description.options(R"(
# What to train on.
sources: ["a.tar", "/far/b-{0..3}.tar::c.tar", '@list.txt', "${HOME}/d.tar"]
batch_size: 32
shuffle: true
seed: 18446744073709551615
error_budget: {share: 0.25, consecutive: 3}
read: {image_root: images, keys: id, max_unpack_ratio: 9}
select:
  where: "json:width >= 256"
  drop_keys: ["@bad.txt", "0001"]
columns:
  key: {type: raw, fields: __key__}
ledger_path: "ledger-{rank}.jsonl"
)");
  const std::string here = description.folder();
  CHECK(options.sources == std::vector<std::string>{here + "a.tar",
                                                    "/far/b-{0..3}.tar::" + here + "c.tar",
                                                    "@" + here + "list.txt", "${HOME}/d.tar"});
  CHECK(options.batch_size == 32);
  CHECK(options.shuffle);
  CHECK(options.seed == UINT64_MAX);
  CHECK(options.error_budget.share == 0.25);
  CHECK(options.read.image_root == here + "images");
  CHECK(options.read.keys == std::vector<std::string>{"id"});
  CHECK(options.read.limits.max_unpack_ratio == 9);
  CHECK(options.select.drop_keys == std::vector<std::string>{"@" + here + "bad.txt", "0001"});
  CHECK(options.columns.size() == 1);
  CHECK(options.ledger_path == here + "ledger-{rank}.jsonl");
}

TEST_CASE("datasets with loaders are a mixture") {
  Description description;
  const LoaderOptions options = description.options(R"(
loaders:
  - loader_type: fs-image
    modality_type: image
    base_path: pictures
datasets:
  - packed_path: one
    weight: 2
  - packed_path: [two, three]
    name: rest
    weight: 1.5
    read: {image_root: elsewhere}
)");
  const std::string here = description.folder();
  REQUIRE(options.mixture.size() == 2);
  CHECK(options.mixture[0].sources == std::vector<std::string>{here + "one"});
  CHECK(options.mixture[0].weight == 2);
  CHECK(options.mixture[0].read.image_root == here + "pictures");
  CHECK(options.mixture[1].name == "rest");
  CHECK(options.mixture[1].sources == std::vector<std::string>{here + "two", here + "three"});
  CHECK(options.mixture[1].read.image_root == here + "elsewhere");
  CHECK_NOTHROW(options.validate());
}

TEST_CASE("raw images have no paths that are followed, unless another loader follows them") {
  Description description;
  const std::string raw = "loaders:\n  - {loader_type: raw-image, modality_type: image}\n";
  CHECK(description.options(raw + "sources: a\n").read.image_paths.empty());
  const LoaderOptions both = description.options(
      raw + "  - {loader_type: fs-image, modality_type: image, base_path: /p}\nsources: a\n");
  CHECK(both.read.image_paths == ReadOptions::usual_image_paths());
  CHECK(both.read.image_root == "/p");
}

TEST_CASE("scalars are what YAML 1.2 says, quoted ones are text") {
  Description description;
  CHECK(description.options("sources: a\nledger_path: '7'\n").ledger_path ==
        description.folder() + "7");
  CHECK(description.options("sources: a\nledger_path: no\n").ledger_path ==
        description.folder() + "no");
  CHECK(has(description.refusal("sources: a\nledger_path: 7\n"), "ledger_path = 7"));
  CHECK(has(description.refusal("sources: a\nseed: -1\n"), "seed = -1"));
  CHECK(has(description.refusal("sources: a\nshuffle: yes\n"), "shuffle = \"yes\""));
}

TEST_CASE("a description that is wrong is refused with its place") {
  Description description;
  CHECK(has(description.refusal("sources: a\nbatchsize: 3\n"), "\"batch_size\""));
  CHECK(has(description.refusal("sources: a\nbatchsize: 3\n"), "data.yaml"));
  CHECK(has(description.refusal("datasets:\n  - packd_path: a\n"),
            "datasets: unknown option \"packd_path\"; the nearest known one is \"packed_path\""));
  CHECK(has(description.refusal("dataset: []"),
            "data.yaml: unknown option \"dataset\"; the nearest known one is \"datasets\""));
  CHECK(has(description.refusal("loader: []"),
            "data.yaml: unknown option \"loader\"; the nearest known one is \"loaders\""));
  CHECK(has(description.refusal("read: {imageroot: a}\n"), "\"image_root\""));
  CHECK(has(description.refusal("loaders:\n  - {loader_type: web-image, modality_type: image}\n"),
            "loaders.loader_type = \"web-image\""));
  CHECK(has(description.refusal("loaders:\n  - {loader_type: raw-image, modality_type: audio}\n"),
            "loaders.modality_type = \"audio\""));
  CHECK(has(description.refusal("datasets: []\nmixture: []\n"), "there is a mixture, too"));
  CHECK(has(description.refusal("sources: a\nsources: b\n"), "line 2"));
  CHECK(has(description.refusal("sources: [a\n"), "line"));
  CHECK(has(description.refusal("- a\n"), "not a mapping"));
  CHECK(has(description.refusal("? [a, b]\n: c\n"), "a key that is no text"));
  CHECK(has(description.refusal("read: {format: webdataset}\nsources: a\n"), "read.format"));
  CHECK_THROWS_AS(options_from_yaml(description.folder() + "missing.yaml"), LoaderError);
}

TEST_CASE("a small document that stands for a huge one is refused") {
  Description description;
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  CHECK(has(description.refusal(bomb), "more than 100000 values"));
  CHECK(has(description.refusal("a: &a [*a]\n"), "line"));
  CHECK(has(description.refusal(std::string(2'000, '[')), "line"));
}

}  // namespace
}  // namespace millrace
