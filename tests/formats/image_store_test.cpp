// The images that rows name: files below a folder, members of tars.

#include "millrace/formats/images/image_store.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/tables/row_fields.h"
#include "opened_shard.h"
#include "scratch_folder.h"
#include "tar_maker.h"
#include "tar_writer.h"
#include "text.h"

namespace {

namespace fs = std::filesystem;

using millrace::ImageStore;
using millrace::OffsetUnit;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::RowFields;
using millrace::RowNames;
using millrace::Sample;
using millrace::test::contains;
using millrace::test::make_tar;
using millrace::test::ScratchFolder;
using millrace::test::TarMaker;
using millrace::test::text_of;

std::shared_ptr<const ImageStore> opened_store(const std::string& table,
                                               const ReadOptions& options) {
  auto store = ImageStore::open(table, options);
  REQUIRE(store.has_value());
  return *store;
}

std::string image(const ImageStore& store, std::string_view path) {
  Sample sample;
  sample.reset("table.jsonl", 17);
  sample.set_key("k");
  const auto added = store.add(path, "image", sample);
  if (added) return text_of(sample, "image");
  CHECK(added.error().shard == "table.jsonl");
  CHECK(added.error().offset_bytes == 17);
  CHECK(added.error().key == "k");
  return std::string(millrace::reason_name(added.error().reason)) + ": " + added.error().message;
}

}  // namespace

TEST_CASE("images lie beside their table, or below image_root") {
  const ScratchFolder scratch;
  scratch.write("data/tables/rows.jsonl", "");
  scratch.write("data/tables/a.jpg", "beside");
  scratch.write("data/images/a.jpg", "root");
  scratch.write("outside.jpg", "outside");
  const std::string table = scratch.path("data/tables/rows.jsonl");
  ReadOptions options;
  CHECK(image(*opened_store(table, options), "a.jpg") == "beside");
  CHECK(contains(image(*opened_store(table, options), "../images/a.jpg"), "io_error"));
  CHECK(contains(image(*opened_store(table, options), "../images/a.jpg"), "without image_root"));
  CHECK(image(*opened_store(scratch.path("data/tables"), options), "a.jpg") == "beside");
  options.image_root = scratch.path("data/images");
  CHECK(image(*opened_store(table, options), "a.jpg") == "root");
  CHECK(
      contains(image(*opened_store(table, options), "b.jpg"), "image_root: " + options.image_root));
  CHECK(
      contains(image(*opened_store(table, options), "../tables/a.jpg"), "leads out of the folder"));
  // A root further up holds both, and what begins with ../ starts from the table.
  options.image_root = scratch.path("data");
  CHECK(image(*opened_store(table, options), "images/a.jpg") == "root");
  CHECK(image(*opened_store(table, options), "../images/a.jpg") == "root");
  CHECK(contains(image(*opened_store(table, options), "../../outside.jpg"), "leads out"));
  options.image_root = scratch.path("nowhere");
  CHECK_FALSE(ImageStore::open(table, options).has_value());
}

TEST_CASE("a URL is a scheme and two slashes, and nothing else is") {
  for (const char* url :
       {"http://x/a.jpg", "https://x", "s3://b/k", "hdfs://n", "a+b-c.1://x", "file:///a.jpg"}) {
    CHECK(ImageStore::is_url(url));
  }
  for (const char* path : {"", "a.jpg", "://x", "/http://x", "a b://x", "1s://x", "c:/a.jpg",
                           "data:image/png;base64,AAAA", "http:/x"}) {
    CHECK_FALSE(ImageStore::is_url(path));
  }
}

TEST_CASE("members of tars are found by their full name, whatever it begins with") {
  const ScratchFolder scratch;
  const std::string long_name = std::string(150, 'd') + "/long.jpg";
  TarMaker second;
  second.file("./b/1.jpg", "dot").long_name(long_name).file("short", "long").end();
  scratch.write("t/0.tar", make_tar({{"a/1.jpg", "one"}, {"a/2.jpg", "two"}, {"top.txt", "t"}}));
  scratch.write("t/1.tar", text_of(second.bytes()));
  ReadOptions options;
  options.image_tars = {scratch.path("t/{0..1}.tar")};
  const auto store = opened_store("rows.jsonl", options);
  CHECK(image(*store, "a/1.jpg") == "one");
  CHECK(image(*store, "./a/2.jpg") == "two");
  CHECK(image(*store, "/a/2.jpg") == "two");
  CHECK(image(*store, "b/1.jpg") == "dot");
  CHECK(image(*store, long_name) == "long");
  CHECK(contains(image(*store, "1.jpg"), "missing_field"));
  CHECK(contains(image(*store, "a/3.jpg"), "missing_field"));
  CHECK(contains(image(*store, ""), "missing_field"));
  CHECK(contains(image(*store, std::string(5000, 'a')), "missing_field"));
  options.image_tars = {scratch.path("t")};
  CHECK(image(*opened_store("rows.jsonl", options), "a/1.jpg") == "one");
}

TEST_CASE("members of tars are found below the folder that holds all of a tar") {
  const ScratchFolder scratch;
  scratch.write("a.tar", make_tar({{"coco/images/1.jpg", "one"}, {"coco/images/2.jpg", "two"}}));
  scratch.write("b.tar", make_tar({{"./extra/3.jpg", "three"}}));
  ReadOptions options;
  options.image_tars = {scratch.path("a.tar"), scratch.path("b.tar")};
  const auto store = opened_store("rows.jsonl", options);
  CHECK(image(*store, "images/1.jpg") == "one");
  CHECK(image(*store, "coco/images/1.jpg") == "one");
  CHECK(image(*store, "3.jpg") == "three");
  CHECK(contains(image(*store, "1.jpg"), "missing_field"));
}

TEST_CASE("of one name the last member of a tar counts, and members of several tars are an error") {
  const ScratchFolder scratch;
  scratch.write("a.tar", make_tar({{"1.jpg", "old"}, {"1.jpg", "new"}, {"2.jpg", "a"}}));
  scratch.write("b.tar", make_tar({{"2.jpg", "b"}, {"3.jpg", "three"}}));
  ReadOptions options;
  options.image_tars = {scratch.path("a.tar"), scratch.path("b.tar"), scratch.path("a.tar")};
  const auto store = opened_store("rows.jsonl", options);
  CHECK(image(*store, "1.jpg") == "new");
  CHECK(contains(image(*store, "2.jpg"), "several tars"));
  CHECK(image(*store, "3.jpg") == "three");
}

TEST_CASE("tars of images that are damaged, packed or missing say so") {
  const ScratchFolder scratch;
  const std::string whole = make_tar({{"1.jpg", "one"}, {"2.jpg", "two"}});
  scratch.write("cut.tar", whole.substr(0, 1024 + 256));
  scratch.write("packed.tar", "\x1f\x8b\x08 and so on");
  ReadOptions options;
  options.image_tars = {scratch.path("cut.tar")};
  const auto cut = opened_store("rows.jsonl", options);
  CHECK(image(*cut, "1.jpg") == "one");
  const std::string message = image(*cut, "2.jpg");
  CHECK(contains(message, "missing_field"));
  CHECK(contains(message, "cut.tar is damaged at byte 1024"));
  options.image_tars = {scratch.path("packed.tar")};
  CHECK(contains(image(*opened_store("rows.jsonl", options), "1.jpg"), "plain tars only"));
  options.image_tars = {scratch.path("missing.tar")};
  CHECK_FALSE(ImageStore::open("rows.jsonl", options).has_value());
}

TEST_CASE("a member beyond the limit is an error") {
  const ScratchFolder scratch;
  scratch.write("a.tar", make_tar({{"1.jpg", "12345"}}));
  ReadOptions options;
  options.image_tars = {scratch.path("a.tar")};
  options.limits.max_image_bytes = 4;
  CHECK(
      contains(image(*opened_store("rows.jsonl", options), "1.jpg"), "more than max_image_bytes"));
}

TEST_CASE("tars that change are looked through again, and never read past their end") {
  const ScratchFolder scratch;
  const std::string path = scratch.write("a.tar", make_tar({{"1.jpg", "one"}}));
  ReadOptions options;
  options.image_tars = {path};
  const auto before = opened_store("rows.jsonl", options);
  CHECK(opened_store("other.jsonl", options) == before);
  CHECK(image(*before, "1.jpg") == "one");
  fs::resize_file(path, 100);
  CHECK(contains(image(*before, "1.jpg"), "changed its size"));
  scratch.write("a.tar", make_tar({{"1.jpg", "other"}, {"2.jpg", "two"}}));
  CHECK(image(*opened_store("rows.jsonl", options), "1.jpg") == "other");
}

TEST_CASE("images are added without allocating, once the buffers have grown") {
  const ScratchFolder scratch;
  scratch.write("a.tar", make_tar({{"x/1.jpg", std::string(5000, 'a')}}));
  scratch.write("x/1.jpg", std::string(5000, 'b'));
  ReadOptions of_tars;
  of_tars.image_tars = {scratch.path("a.tar")};
  for (const ReadOptions& options : {ReadOptions{}, of_tars}) {
    const auto store = opened_store(scratch.path("rows.jsonl"), options);
    Sample sample;
    const auto read = [&] {
      sample.reset("rows.jsonl", 0);
      return store->add("x/1.jpg", "image", sample).has_value();
    };
    REQUIRE(read());
    const std::size_t before = millrace::test::allocations_so_far();
    for (int i = 0; i < 100; ++i) REQUIRE(read());
    CHECK((!millrace::test::can_count_allocations() ||
           millrace::test::allocations_so_far() == before));
  }
}

TEST_CASE("a row's key is its key column, else its image's path, else its number") {
  const ScratchFolder scratch;
  scratch.write("a.jpg", "A");
  const auto fields = RowFields::open(scratch.path("rows.csv"), {});
  REQUIRE(fields.has_value());
  Sample sample;
  const auto finished = [&](const RowNames& row) {
    sample.reset("rows.csv", 3, OffsetUnit::row);
    REQUIRE(fields->finish(row, sample).has_value());
    return std::string(sample.key());
  };
  CHECK(finished({"k", "image_path", "a.jpg", 7}) == "k");
  CHECK(text_of(sample, "image") == "A");
  CHECK(text_of(sample, "image.path") == "<none>");
  CHECK(finished({{}, "image_path", "./a.jpg", 7}) == "./a.jpg");
  CHECK(finished({{}, {}, {}, 18446744073709551615U}) == "18446744073709551615");
  CHECK(sample.fields().empty());
  CHECK(finished({{}, "Image", "a.jpg", 7}) == "a.jpg");
  CHECK(text_of(sample, "image.path") == "a.jpg");
  CHECK(finished({{}, "url", "https://x/a.jpg", 7}) == "https://x/a.jpg");
  CHECK(sample.fields().empty());
  CHECK(RowFields::replaces_column({{}, "image", "a.jpg", 0}));
  CHECK(RowFields::replaces_column({{}, "IMAGE", "a.jpg", 0}));
  CHECK_FALSE(RowFields::replaces_column({{}, "image", "https://x/a.jpg", 0}));
  CHECK_FALSE(RowFields::replaces_column({{}, "image_path", "a.jpg", 0}));
  CHECK_FALSE(RowFields::replaces_column({}));
}

TEST_CASE("an image that is not asked for is not looked for") {
  ReadOptions options;
  options.image_root = "no such folder";
  options.fields = {"caption"};
  const auto fields = RowFields::open("rows.csv", options);
  REQUIRE(fields.has_value());
  Sample sample;
  sample.reset("rows.csv", 0, OffsetUnit::row);
  CHECK(fields->finish({{}, "image", "missing.jpg", 0}, sample).has_value());
  CHECK(sample.fields().empty());
  options.fields = {"image"};
  CHECK_FALSE(RowFields::open("rows.csv", options).has_value());
}
