// Folders of images, with what lies beside each.

#include "millrace/formats/images/image_folder_shard.h"

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "in_turn.h"
#include "indexed_shards.h"
#include "millrace/formats/shard.h"
#include "reference_data.h"
#include "scratch_folder.h"

namespace {

namespace fs = std::filesystem;

using millrace::OffsetUnit;
using millrace::open_image_folder;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::Sample;
using millrace::Shard;
using millrace::test::ScratchFolder;

std::shared_ptr<const Shard> opened_images(const std::string& path,
                                           const ReadOptions& options = {}) {
  auto shard = open_image_folder(path, options);
  REQUIRE_MESSAGE(shard.has_value(), shard.error().to_string());
  return *shard;
}

std::string described(const Sample& sample) {
  std::string text = std::string(sample.key()) + ":";
  for (const auto& field : sample.fields()) {
    text += " " + field.name + "=" + std::string(field.data.begin(), field.data.end());
  }
  return text;
}

std::vector<std::string> samples_of(const Shard& shard) {
  std::vector<std::string> samples;
  const auto index = shard.index();
  REQUIRE(index.has_value());
  Sample sample;
  for (std::size_t i = 0; i < index->sample_offsets.size(); ++i) {
    CHECK(index->sample_offsets[i] == i);
    const auto read = shard.read(i, sample);
    if (read) {
      CHECK(sample.offset_unit() == OffsetUnit::row);
      CHECK(sample.begin_bytes() == i);
      CHECK(sample.end_bytes() == i + 1);
      samples.push_back(described(sample));
    } else {
      CHECK(read.error().unit == OffsetUnit::row);
      CHECK(read.error().offset_bytes == i);
      CHECK(read.error().shard == shard.name());
      samples.push_back(read.error().key + ": " + std::string(reason_name(read.error().reason)));
    }
  }
  return samples;
}

using Samples = std::vector<std::string>;

}  // namespace

TEST_CASE("an image is a sample with what lies beside it; files beside no image are counted") {
  const ScratchFolder scratch;
  scratch.write("cat/b.jpg", "B");
  scratch.write("cat/b.txt", "caption b");
  scratch.write("cat/b.seg.PNG", "mask");
  scratch.write("cat/b.meta.JSON", "{}");
  scratch.write("cat/a.JPEG", "A");
  scratch.write("cat/a-1.webp", "A1");
  scratch.write("cat/ab.json", "{}");
  scratch.write("cat/README.md", "readme");
  scratch.write("cat/LICENSE", "licence");
  scratch.write("cat/.DS_Store", "x");
  scratch.write("cat/._b.jpg", "x");
  scratch.write("cat/sub/c.jpg", "C");
  scratch.write("cat/c.avif", "");
  REQUIRE(::mkfifo(scratch.path("cat/d.jpg").c_str(), 0600) == 0);
  const auto shard = opened_images(scratch.path("cat"));
  CHECK(samples_of(*shard) == Samples{"a-1: webp=A1 label=cat", "a: jpeg=A label=cat",
                                      "b: jpg=B meta.json={} txt=caption b label=cat",
                                      "b.seg: png=mask label=cat", "c: avif= label=cat"});
  const auto skipped = shard->index()->skipped;
  CHECK(skipped.not_files == 2);
  CHECK(skipped.meta_members == 2);
  CHECK(skipped.apple_members == 2);
  CHECK(skipped.without_extension == 1);
  CHECK(skipped.duplicate_fields == 0);
}

TEST_CASE("samples come in the order of their names' bytes, and offsets are their numbers") {
  const ScratchFolder scratch;
  for (const char* name :
       {"10.jpg", "9.jpg", "a b.jpg", "a.jpg", "Z.jpg", "\xc3\xa9.jpg", "a\n.jpg"}) {
    scratch.write(std::string("d/") + name, name);
  }
  const auto shard = opened_images(scratch.path("d"));
  Samples keys;
  for (const std::string& sample : samples_of(*shard))
    keys.push_back(sample.substr(0, sample.find(':')));
  CHECK(keys == Samples{"10", "9", "Z", "a\n", "a b", "a", "\xc3\xa9"});
  Sample sample;
  CHECK_FALSE(shard->read(7, sample).has_value());
}

TEST_CASE("names with several dots are images of their own") {
  const ScratchFolder scratch;
  scratch.write("d/shot 2024.01.05.jpg", "5");
  scratch.write("d/shot 2024.01.05.txt", "the fifth");
  scratch.write("d/shot 2024.01.06.jpg", "6");
  scratch.write("d/shot 2024.01.06.meta.json", "{}");
  scratch.write("d/shot 2024.txt", "of neither");
  scratch.write("d/v1.jpg", "1");
  scratch.write("d/v1.2.jpg", "2");
  scratch.write("d/v1.2.txt", "two");
  const auto shard = opened_images(scratch.path("d"));
  CHECK(samples_of(*shard) == Samples{"shot 2024.01.05: jpg=5 txt=the fifth label=d",
                                      "shot 2024.01.06: jpg=6 meta.json={} label=d",
                                      "v1.2: jpg=2 txt=two label=d", "v1: jpg=1 label=d"});
  CHECK(shard->index()->skipped.meta_members == 1);
}

TEST_CASE("images that differ in their extension only are samples that share what is beside them") {
  const ScratchFolder scratch;
  scratch.write("d/a.JPG", "1");
  scratch.write("d/a.jpg", "2");
  scratch.write("d/a.png", "3");
  scratch.write("d/a.txt", "t");
  scratch.write("d/a.png.txt", "of the png");
  scratch.write("d/b.jpg", "4");
  const auto shard = opened_images(scratch.path("d"));
  CHECK(samples_of(*shard) == Samples{"a.JPG: jpg=1 txt=t label=d", "a.jpg: jpg=2 txt=t label=d",
                                      "a.png: png=3 txt=t png.txt=of the png label=d",
                                      "b: jpg=4 label=d"});
}

TEST_CASE("a sidecar may be named by the image's whole name") {
  const ScratchFolder scratch;
  scratch.write("d/a.jpg", "1");
  scratch.write("d/a.jpg.txt", "one");
  scratch.write("d/a.jpg.json", "{}");
  scratch.write("d/b.c.jpg", "2");
  scratch.write("d/b.c.jpg.txt", "two");
  scratch.write("d/b.c.txt", "rather this");
  scratch.write("d/b.c.TXT", "or this");
  scratch.write("d/a.__key__", "no field");
  const auto shard = opened_images(scratch.path("d"));
  CHECK(samples_of(*shard) ==
        Samples{"a: jpg=1 json={} txt=one label=d", "b.c: jpg=2 txt=or this jpg.txt=two label=d"});
  CHECK(shard->index()->skipped.meta_members == 2);
}

TEST_CASE("every image of the reference folders is a sample") {
  const std::pair<const char*, std::size_t> folders[] = {
      {"webp_zoo", 393}, {"jpeg_zoo", 1102}, {"png_zoo", 774}};
  for (const auto& [name, images] : folders) {
    const auto data = millrace::test::reference_data(name);
    if (!data) continue;
    std::size_t samples = 0;
    const auto count = [&](const fs::path& folder) {
      samples += opened_images(folder.string())->index()->sample_offsets.size();
    };
    count(*data / name);
    for (const auto& entry : fs::recursive_directory_iterator(*data / name)) {
      if (entry.is_directory()) count(entry.path());
    }
    CHECK(samples == images);
  }
}

TEST_CASE("only the files of the fields asked for are read") {
  const ScratchFolder scratch;
  scratch.write("d/a.jpg", "1");
  scratch.write("d/a.TXT", "t");
  fs::create_symlink("nowhere", scratch.path("d/a.json"));
  ReadOptions options;
  options.fields = {"txt"};
  CHECK(samples_of(*opened_images(scratch.path("d"), options)) == Samples{"a: txt=t"});
  options.fields = {"jpg", "label"};
  CHECK(samples_of(*opened_images(scratch.path("d"), options)) == Samples{"a: jpg=1 label=d"});
  CHECK(samples_of(*opened_images(scratch.path("d"))) == Samples{"a: io_error"});
}

TEST_CASE("a file that vanishes, or leads out of the folder, is an error of its sample") {
  const ScratchFolder scratch;
  scratch.write("secret.jpg", "S");
  scratch.write("d/a.jpg", "1");
  scratch.write("d/b.jpg", "2");
  scratch.write("d/c.jpg", "3");
  fs::create_symlink("../secret.jpg", scratch.path("d/x.jpg"));
  fs::create_symlink("a.jpg", scratch.path("d/y.jpg"));
  const auto shard = opened_images(scratch.path("d"));
  fs::remove(scratch.path("d/b.jpg"));
  CHECK(samples_of(*shard) == Samples{"a: jpg=1 label=d", "b: io_error", "c: jpg=3 label=d",
                                      "x: io_error", "y: jpg=1 label=d"});
  ReadOptions options;
  options.image_root = scratch.path("");
  CHECK(samples_of(*opened_images(scratch.path("d"), options)) ==
        Samples{"a: jpg=1 label=d", "c: jpg=3 label=d", "x: jpg=S label=d", "y: jpg=1 label=d"});
}

TEST_CASE("the label is the folder's own name, however its path is written") {
  const ScratchFolder scratch;
  scratch.write("dog/a.jpg", "1");
  scratch.write("dog/sub/b.jpg", "2");
  CHECK(samples_of(*opened_images(scratch.path("dog/sub/.."))) == Samples{"a: jpg=1 label=dog"});
  CHECK(samples_of(*opened_images(scratch.path("dog") + "/")) == Samples{"a: jpg=1 label=dog"});
  scratch.write("own/a.jpg", "1");
  scratch.write("own/a.label", "mine");
  CHECK(samples_of(*opened_images(scratch.path("own"))) == Samples{"a: jpg=1 label=mine"});
}

TEST_CASE("a folder is a shard of open_shard and of a catalog, and new files are noticed") {
  const ScratchFolder scratch;
  scratch.write("d/a.jpg", "1");
  const auto shard = millrace::open_shard(scratch.path("d"));
  REQUIRE(shard.has_value());
  CHECK(samples_of(**shard) == Samples{"a: jpg=1 label=d"});
  millrace::CatalogOptions options = millrace::test::without_cache();
  options.cache_folder = scratch.path("cache");
  for (std::size_t files = 1; files < 4; ++files) {
    for (int again = 0; again < 2; ++again) {
      const auto catalog =
          millrace::ShardCatalog::open({scratch.path("d/")}, options, millrace::test::in_turn);
      REQUIRE(catalog.has_value());
      REQUIRE((*catalog)->shards() == 1);
      CHECK((*catalog)->samples(0) == files);
      const auto open = millrace::open_shard((*catalog)->path(0));
      REQUIRE(open.has_value());
      const auto offsets = (*catalog)->sample_offsets(0, **open);
      REQUIRE(offsets.has_value());
      CHECK(offsets->size() == files);
    }
    scratch.write("d/b" + std::to_string(files) + ".jpg", "2");
  }
}

TEST_CASE("a folder that is none is an error") {
  const ScratchFolder scratch;
  const auto shard = open_image_folder(scratch.path("missing"), {});
  REQUIRE_FALSE(shard.has_value());
  CHECK(shard.error().reason == Reason::io_error);
}

TEST_CASE("the reference folders give their images") {
  const auto data = millrace::test::reference_data("imagefolder_source");
  if (!data) return;
  const auto folder = *data / "tabular" / "hf_datasets" / "imagefolder_source";
  const auto shard = opened_images((folder / "cat").string());
  Sample sample;
  REQUIRE(shard->index()->sample_offsets.size() == 3);
  const char* const names[] = {"0.jpg", "3.jpg", "6.jpg"};
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(shard->read(i, sample).has_value());
    const auto file = millrace::test::read_file(folder / "cat" / names[i]);
    const auto* jpg = sample.find("jpg");
    REQUIRE(jpg != nullptr);
    CHECK(std::equal(jpg->data.begin(), jpg->data.end(), file.begin(), file.end()));
    const auto* label = sample.find("label");
    REQUIRE(label != nullptr);
    CHECK(std::string(label->data.begin(), label->data.end()) == "cat");
  }
}
