// What a path of a spec stands for: files, and what lies in folders.

#include "millrace/formats/shard_listing.h"

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

namespace fs = std::filesystem;

using millrace::Error;
using millrace::list_shards;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::shards_of;
using millrace::test::contains;
using millrace::test::ScratchFolder;

using Paths = std::vector<std::string>;

// The shards below the scratch folder, by what follows its path.
Paths listed(const ScratchFolder& scratch, const std::string& name,
             const ReadOptions& options = {}) {
  const auto shards = list_shards(scratch.path(name), options);
  REQUIRE_MESSAGE(shards.has_value(), shards.error().to_string());
  Paths names;
  const std::string prefix = scratch.path("");
  for (const std::string& shard : *shards) {
    REQUIRE(shard.starts_with(prefix));
    names.push_back(shard.substr(prefix.size()));
  }
  return names;
}

Error refused(const std::string& path, const ReadOptions& options = {}) {
  const auto shards = list_shards(path, options);
  REQUIRE_FALSE(shards.has_value());
  return shards.error();
}

}  // namespace

TEST_CASE("a file is a shard as it stands") {
  const ScratchFolder scratch;
  for (const char* name : {"a.tar", "rows.jsonl", "b.csv", "no extension", "c.index"}) {
    scratch.write(name, "x");
    CHECK(listed(scratch, name) == Paths{name});
  }
}

TEST_CASE("a folder of tars is its tars, sorted; what lies deeper or beside is not") {
  const ScratchFolder scratch;
  for (const char* name : {"d/10.tar", "d/09.tar.gz", "d/b.tgz", "d/a.tar.zst", "d/c.txt",
                           "d/sub/z.tar", "d/.hidden.tar", "d/shards.index", "d/x.jpg"}) {
    scratch.write(name, "x");
  }
  const Paths tars = {"d/09.tar.gz", "d/10.tar", "d/a.tar.zst", "d/b.tgz"};
  CHECK(listed(scratch, "d") == tars);
  CHECK(listed(scratch, "d/") == tars);
  CHECK(listed(scratch, "d//") == tars);
  ReadOptions images;
  images.format = "images";
  CHECK(listed(scratch, "d", images) == Paths{"d"});
}

TEST_CASE("a folder of images is each folder that has some, sorted, links to folders left out") {
  const ScratchFolder scratch;
  for (const char* name :
       {"d/cat/1.jpg", "d/cat/deep/er/2.PNG", "d/ant/3.webp", "d/empty/readme.md", "d/.git/4.jpg",
        "d/__MACOSX/5.jpg", "elsewhere/6.jpg"}) {
    scratch.write(name, "x");
  }
  fs::create_directory_symlink("../elsewhere", scratch.path("d/link"));
  fs::create_directory_symlink("..", scratch.path("d/cat/loop"));
  fs::create_symlink("nowhere.txt", scratch.path("d/broken"));
  CHECK(listed(scratch, "d") == Paths{"d/ant", "d/cat", "d/cat/deep/er"});
  scratch.write("d/7.gif", "x");
  CHECK(listed(scratch, "d") == Paths{"d", "d/ant", "d/cat", "d/cat/deep/er"});
}

TEST_CASE("what img2dataset wrote is its tars; other mixtures must be told apart by the user") {
  const ScratchFolder scratch;
  for (const char* name :
       {"d/00000.tar", "d/00000.parquet", "d/00000_stats.json", "d/00001.tar", "d/00001.parquet"}) {
    scratch.write(name, "x");
  }
  CHECK(listed(scratch, "d") == Paths{"d/00000.tar", "d/00001.tar"});
  scratch.write("m/a.tar", "x");
  scratch.write("m/b.parquet", "x");
  const Error error = refused(scratch.path("m"));
  CHECK(error.shard == scratch.path("m"));
  CHECK(contains(error.message, "*.tar"));
  CHECK(contains(error.message, "*.parquet"));
  ReadOptions tars;
  tars.format = "tar";
  CHECK(listed(scratch, "m", tars) == Paths{"m/a.tar"});
}

TEST_CASE("a dataset of Hugging Face is the files that its state lists, in that order") {
  const ScratchFolder scratch;
  scratch.write("d/b.arrow", "x");
  scratch.write("d/a.arrow", "x");
  scratch.write("d/unlisted.arrow", "x");
  scratch.write("d/state.json",
                R"({"_data_files": [{"filename": "b.arrow"}, {"filename": "a.arrow"}]})");
  CHECK(listed(scratch, "d") == Paths{"d/b.arrow", "d/a.arrow"});
  scratch.write("empty/state.json", R"({"_data_files": []})");
  CHECK(listed(scratch, "empty").empty());
}

TEST_CASE("a state that is broken, or leads out of its folder, is damage that names it") {
  const ScratchFolder scratch;
  for (const char* state : {"", "{", "[]", "{}", R"({"_data_files": 3})", R"({"_data_files": [3]})",
                            R"({"_data_files": [{}]})", R"({"_data_files": [{"filename": ""}]})",
                            R"({"_data_files": [{"filename": "../x.arrow"}]})",
                            R"({"_data_files": [{"filename": "/etc/passwd"}]})",
                            R"({"_data_files": [{"filename": ".."}]})",
                            R"({"_data_files": [{"filename": "a\u0000b"}]})"}) {
    CAPTURE(state);
    const std::string path = scratch.write("d/state.json", state);
    const Error error = refused(scratch.path("d"));
    CHECK(error.reason == Reason::damaged_shard);
    CHECK(error.shard == path);
  }
}

TEST_CASE("a dataset of several splits names them") {
  const ScratchFolder scratch;
  scratch.write("d/dataset_dict.json", R"({"splits": ["train", "test"]})");
  const Error error = refused(scratch.path("d"));
  CHECK(contains(error.message, scratch.path("d/train") + ", " + scratch.path("d/test")));
  scratch.write("d/dataset_dict.json", "{");
  CHECK(refused(scratch.path("d")).reason == Reason::damaged_shard);
}

TEST_CASE("a folder with nothing to read says what was looked for") {
  const ScratchFolder scratch;
  fs::create_directory(scratch.path("empty"));
  const Error error = refused(scratch.path("empty"));
  CHECK(error.shard == scratch.path("empty"));
  for (const char* part : {"state.json", "index.json", "tars", "Parquet", "images"}) {
    CHECK(contains(error.message, part));
  }
  scratch.write("tables/a.jsonl", "{}");
  CHECK(contains(refused(scratch.path("tables")).message, "*.jsonl"));
  ReadOptions options;
  for (const char* format : {"tar", "images", "parquet", "arrow", "jsonl", "csv", "coco"}) {
    options.format = format;
    CAPTURE(format);
    CHECK_FALSE(list_shards(scratch.path("empty"), options).has_value());
  }
}

TEST_CASE("specs of folders, globs over folders and file:// are listed in order") {
  const ScratchFolder scratch;
  scratch.write("d/cat/1.jpg", "x");
  scratch.write("d/dog/1.jpg", "x");
  scratch.write("t/a.tar", "x");
  const auto shards =
      shards_of({scratch.path("d/*"), "file://" + scratch.path("t"), scratch.path("t/a.tar")}, {});
  REQUIRE(shards.has_value());
  CHECK(*shards == Paths{scratch.path("d/cat"), scratch.path("d/dog"), scratch.path("t/a.tar"),
                         scratch.path("t/a.tar")});
  CHECK_FALSE(shards_of({scratch.path("t/a.tar#0")}, {}).has_value());
  scratch.write("t/b.parquet", "x");
  const auto group = shards_of({scratch.path("t/b.parquet#3")}, {});
  REQUIRE(group.has_value());
  CHECK(*group == Paths{scratch.path("t/b.parquet#3")});
}

TEST_CASE("the reference folders are listed as their manifests say") {
  const auto data = millrace::test::reference_data("folders of datasets");
  if (!data) return;
  const fs::path tabular = *data / "tabular";
  std::size_t datasets = 0;
  millrace::test::for_each_json_line(
      tabular / "hf_datasets" / "manifest.jsonl", [&](simdjson::dom::element row) {
        const fs::path folder =
            tabular / "hf_datasets" / std::string(std::string_view(row["dataset"]));
        CAPTURE(folder);
        Paths expected;
        for (const std::string_view file : simdjson::dom::array(row["data_files"])) {
          expected.push_back((folder / std::string(file)).string());
        }
        const auto shards = list_shards(folder.string(), {});
        REQUIRE(shards.has_value());
        CHECK(*shards == expected);
        ++datasets;
      });
  CHECK(datasets == 13);
  const Error splits = refused((tabular / "hf_datasets" / "dataset_dict").string());
  CHECK(contains(splits.message, "validation"));

  const fs::path images = tabular / "hf_datasets" / "imagefolder_source";
  const auto folders = list_shards(images.string(), {});
  REQUIRE(folders.has_value());
  CHECK(*folders ==
        Paths{(images / "cat").string(), (images / "dog").string(), (images / "other").string()});

  const fs::path tars = tabular / "indexed_webdataset";
  const auto shards = list_shards(tars.string(), {});
  REQUIRE(shards.has_value());
  CHECK(*shards == Paths{(tars / "shard-000000.tar").string(), (tars / "shard-000001.tar").string(),
                         (tars / "shard-000002.tar").string()});

  const auto mds = list_shards((tabular / "mds" / "plain").string(), {});
  REQUIRE(mds.has_value());
  CHECK(mds->size() == 5);
  CHECK(mds->front() == (tabular / "mds" / "plain" / "shard.00000.mds").string());
}
