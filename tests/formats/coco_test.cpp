#include "millrace/formats/tables/coco_shard.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/field_selector.h"
#include "opened_rows.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

using millrace::Error;
using millrace::Reason;
using millrace::test::check_reference_captions;
using millrace::test::json_of;
using millrace::test::only_fields;
using millrace::test::open_error;
using millrace::test::open_text;
using millrace::test::read_table;
using millrace::test::RowSample;
using millrace::test::ScratchFolder;
using millrace::test::table_of;
using simdjson::dom::element;

constexpr std::string_view kImages =
    R"([{"id": 7, "file_name": "a.jpg", "height": 3, "sizes": [1], "coco_url": "http://x/a.jpg"},
        {"file_name": "b\/c.jpg", "id": 12345678901234567890123, "image_id": 1, "captions": 2},
        {"id": "n", "file_name": null}])";
constexpr std::string_view kAnnotations =
    R"([{"image_id": 12345678901234567890123, "id": 2, "caption": "b \u00e9\n"},
        {"image_id": 7, "id": 9, "caption": "first"}, {"id": 1, "caption": "lost", "image_id": 8},
        {"image_id": 7, "id": 3, "caption": "second"}, {"image_id": 7, "bbox": [1, 2.5]}])";

std::string document(std::string_view images = kImages,
                     std::string_view annotations = kAnnotations) {
  return R"({"info": {"year": 2014, "more": [[], {}]}, "images": )" + std::string(images) +
         R"(, "annotations": )" + std::string(annotations) + "}";
}

Error failure(std::string_view text) {
  const Error error = open_error("coco", text, only_fields({"json"}));
  CHECK(error.reason == Reason::damaged_shard);
  CHECK(error.shard == "table");
  return error;
}

TEST_CASE("a sample is an image with its captions in the order of the file") {
  const std::string text = document();
  const auto content = table_of("coco", text);
  REQUIRE(content.rows.size() == 3);
  CHECK(content.errors.empty());
  CHECK(content.rows[0].key == "7");
  CHECK(json_of(content.rows[0]) ==
        R"({"image_id": 7, "file_name": "a.jpg", "captions": ["first", "second"], "height": 3, )"
        R"("coco_url": "http://x/a.jpg"})");
  CHECK(content.rows[1].key == "12345678901234567890123");
  CHECK(json_of(content.rows[1]) ==
        R"({"image_id": 12345678901234567890123, "file_name": "b\/c.jpg", )"
        R"("captions": ["b \u00e9\n"]})");
  CHECK(content.rows[2].key == "n");
  CHECK(json_of(content.rows[2]) == R"({"image_id": "n", "file_name": null, "captions": []})");
  CHECK(content.index.sample_offsets[0] == text.find(R"({"id": 7)"));
}

TEST_CASE("it does not matter whether the annotations come first") {
  const std::string text = R"({"annotations": )" + std::string(kAnnotations) + R"(, "images": )" +
                           std::string(kImages) + "}\n";
  CHECK(table_of("coco", text).rows == table_of("coco", document()).rows);
}

TEST_CASE("a document that is cut anywhere, or broken, does not open, and says at which byte") {
  const std::string text = document();
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK(failure(text.substr(0, length)).offset_bytes <= length);
  }
  const auto broken_at = [](const std::string& whole, std::string_view part) {
    const std::uint64_t at = failure(whole).offset_bytes;
    CAPTURE(at);
    CHECK(whole.find(part) == at);
  };
  broken_at(document(R"([{"id": 1,}])"), "}], \"annotations\"");
  broken_at(document(R"([5])"), "5]");
  broken_at(document(R"([{"file_name": "a.jpg"}])"), R"({"file)");
  broken_at(document(R"([{"id": 1.5}])"), "1.5");
  broken_at(document(kImages, R"([{"image_id": null, "caption": "x"}])"), "null, \"cap");
  broken_at(document(kImages, R"([{"caption": "x"}])"), R"({"caption)");
  broken_at(document(kImages, R"([{"image_id": 7, "caption": ["x"]}])"), R"(["x"])");
  broken_at(document(kImages, "[{\"image_id\": 7, \"caption\": \"caf\xe9\"}]"), "\xe9");
  CHECK(failure(document() + "x").offset_bytes == document().size());
}

TEST_CASE("what is no such document is refused with a reason") {
  CHECK(failure("[]").message == "the document is no object");
  CHECK(failure(R"({"images": []})").message == "the document has no member `annotations`");
  CHECK(failure(R"({"annotations": []})").message == "the document has no member `images`");
  CHECK(failure(R"({"images": [], "images": []})").message ==
        "the document has a second member `images` here");
  CHECK(failure(document(std::string(100'000, '['))).message ==
        "the document has an entry of `images` that is no object here");
  CHECK(failure(document(R"([{"id": 1, "x": )" + std::string(100'000, '['))).message ==
        "the document is nested too deeply");
}

TEST_CASE("ids that never meet are an error, and not images without captions") {
  CHECK(failure(document(R"([{"id": "7"}])", R"([{"image_id": 7, "caption": "x"}])")).message ==
        "the document has captions, but none of an image that it lists: their ids differ");
  CHECK(table_of("coco", document(R"([{"id": 1}])", "[]")).rows.size() == 1);
  CHECK(table_of("coco", document("[]", "[]")).rows.empty());
}

TEST_CASE("captions of images that are not listed are passed over and counted") {
  const std::string annotations =
      R"([{"image_id": 7, "caption": "a"}, {"image_id": 9, "caption": "b"}, )"
      R"({"image_id": 10}, {"image_id": 9, "caption": "c"}, {"image_id": "7", "caption": "d"}])";
  const std::string images_first = document(R"([{"id": 7}, {"id": 8}])", annotations);
  const std::string images_last =
      R"({"annotations": )" + annotations + R"(, "images": [{"id": 7}, {"id": 8}]})";
  for (const std::string& text : {images_first, images_last}) {
    const auto content = table_of("coco", text);
    CHECK(content.rows.size() == 2);
    CHECK(content.errors.empty());
    CHECK(content.index.skipped.captions_without_image == 3);
  }
  CHECK(table_of("coco", document("[]", annotations)).index.skipped.captions_without_image == 4);
  CHECK(table_of("coco", document()).index.skipped.captions_without_image == 1);
}

TEST_CASE("of images with the same id the first has the captions, and the others are errors") {
  const auto content =
      table_of("coco", document(R"([{"id": 7}, {"id": 8}, {"id": 7}, {"id": 7}])"));
  REQUIRE(content.rows.size() == 2);
  CHECK(json_of(content.rows[0]) == R"({"image_id": 7, "captions": ["first", "second"]})");
  CHECK(json_of(content.rows[1]) == R"({"image_id": 8, "captions": ["lost"]})");
  CHECK(content.index.damaged == 2);
  REQUIRE(content.errors.size() == 2);
  for (const Error& error : content.errors) {
    CHECK(error.key == "7");
    CHECK(error.message.find("has the same id") != std::string::npos);
    CHECK(error.message.find(std::to_string(content.index.sample_offsets[0])) != std::string::npos);
  }
}

TEST_CASE("an offset that is not of the index is an error") {
  const auto shard = open_text("coco", document(), only_fields({"json"}));
  REQUIRE(shard.has_value());
  millrace::Sample sample;
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{3}, ~std::uint64_t{0}}) {
    const auto read = (*shard)->read(offset, sample);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().reason == Reason::internal);
  }
}

TEST_CASE("COCO documents are known by their members") {
  const auto is_coco = [](std::string_view name, std::string_view text) {
    return millrace::is_coco(name, millrace::test::bytes_of(text));
  };
  const std::string text = document();
  CHECK(is_coco("captions.json", text));
  CHECK(is_coco("any name", text.substr(0, 200)));
  CHECK(is_coco("a.json", R"({"annotations": [{"image_id": 1}]})"));
  CHECK(is_coco("a.json", R"({"images": [], "annotations": []})"));
  CHECK_FALSE(is_coco("a.json", R"({"images": ["a.jpg"], "caption": "x"})"));
  CHECK_FALSE(is_coco("a.json", R"({"images": [{"filename": "a", "sentences": []}]})"));
  CHECK_FALSE(is_coco("a.jsonl", text));
  CHECK_FALSE(is_coco("a.json", "[1]"));
  CHECK_FALSE(is_coco("a.json", ""));
}

TEST_CASE("images are read by file name, and only when they are asked for") {
  const ScratchFolder folder;
  folder.write("a.jpg", "pixels of a");
  const std::string path = folder.write("captions.json", document());
  const auto with_images = millrace::open_shard(path);
  REQUIRE(with_images.has_value());
  const auto content = read_table(**with_images);
  REQUIRE(content.rows.size() == 2);  // the third image has no file
  CHECK(content.rows[0].fields.at("image") == "pixels of a");
  CHECK(content.rows[1].fields.count("image") == 0);
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].reason == Reason::io_error);
  const auto without = millrace::open_shard(path, only_fields({"json"}));
  REQUIRE(without.has_value());
  CHECK(read_table(**without).rows.size() == 3);
}

TEST_CASE("the reference captions are reproduced, in all three forms") {
  const auto data = millrace::test::reference_data("COCO captions");
  if (!data) return;
  for (const char* name :
       {"captions.json", "captions_annotations_first.json", "captions_indented.json"}) {
    CAPTURE(name);
    const auto check = [&](const RowSample& sample, element json, element row) {
      CHECK(sample.key == std::to_string(std::int64_t(row["image_id"])));
      CHECK(std::int64_t(json["image_id"]) == std::int64_t(row["image_id"]));
      CHECK(std::string_view(json["file_name"]) == std::string_view(row["file_name"]));
      CHECK(simdjson::minify(json["captions"]) == simdjson::minify(row["captions_in_file_order"]));
      const auto image = millrace::test::read_file(*data / "tabular" / "images" /
                                                   std::string_view(row["file_name"]));
      CHECK(sample.fields.at("image") == std::string(image.begin(), image.end()));
    };
    check_reference_captions(*data / "tabular" / "coco", name, check);
  }
}

}  // namespace
