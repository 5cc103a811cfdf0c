#include "millrace/formats/tables/flickr30k_shard.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "opened_rows.h"
#include "opened_shard.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

using millrace::Reason;
using millrace::test::check_reference_captions;
using millrace::test::json_of;
using millrace::test::only_fields;
using millrace::test::open_text;
using millrace::test::read_table;
using millrace::test::RowSample;
using millrace::test::table_of;
using millrace::test::TableContent;
using simdjson::dom::element;

constexpr std::string_view kToken =
    "a.jpg#0\tone, \"two\"\r\na.jpg#1\tthree\t\\\r\n\r\nb#1.jpg#0\t four \r\n";
constexpr std::string_view kBars =
    "image_name| comment_number| comment\n"
    "a.jpg| 0| one .\na.jpg| 1   two .\nb.jpg| 0| three | four \n";
constexpr std::string_view kKarpathy =
    R"({"dataset": "flickr30k", "images": [{"filename": "a.jpg", "imgid": 0, "split": "train",
        "sentences": [{"tokens": ["one"], "raw": "one \u00e9"}, {"raw": "two"}], "sentids": [0]},
       {"filename": "b.jpg", "filepath": "val2014", "sentences": [], "split": "val"}], "x": [{}]})";

std::vector<std::string> jsons(const TableContent& content) {
  std::vector<std::string> texts;
  for (const RowSample& row : content.rows) texts.push_back(json_of(row));
  return texts;
}

bool recognized(std::string_view text) {
  return millrace::is_flickr30k("name", millrace::test::bytes_of(text));
}

TEST_CASE("lines of one image are one sample: the token file") {
  const auto content = table_of("flickr30k", kToken);
  CHECK(content.errors.empty());
  REQUIRE(content.rows.size() == 2);
  CHECK(content.rows[0].key == "a.jpg");
  CHECK(json_of(content.rows[0]) ==
        R"({"image": "a.jpg", "captions": ["one, \"two\"", "three\u0009\\"]})");
  CHECK(content.rows[1].key == "b#1.jpg");
  CHECK(json_of(content.rows[1]) == R"({"image": "b#1.jpg", "captions": [" four "]})");
}

TEST_CASE("lines of one image are one sample: the file with bars, and its line that lacks one") {
  const auto content = table_of("flickr30k", kBars);
  CHECK(content.errors.empty());
  CHECK(jsons(content) ==
        std::vector<std::string>{R"({"image": "a.jpg", "captions": ["one .", "two ."]})",
                                 R"({"image": "b.jpg", "captions": ["three | four"]})"});
}

TEST_CASE("lines of an image further on are another sample") {
  const auto content = table_of("flickr30k", "a.jpg#0\tone\nb.jpg#0\ttwo\na.jpg#1\tthree\n");
  CHECK(jsons(content) == std::vector<std::string>{R"({"image": "a.jpg", "captions": ["one"]})",
                                                   R"({"image": "b.jpg", "captions": ["two"]})",
                                                   R"({"image": "a.jpg", "captions": ["three"]})"});
}

TEST_CASE("a line that is none, or no UTF-8, is an error that names it") {
  const auto content =
      table_of("flickr30k", "a.jpg#0\tone\nno tab\nb.jpg#x\ty\nb.jpg#0\tcaf\xe9\nc.jpg#0\ttwo\n");
  CHECK(content.rows.size() == 2);
  CHECK(content.index.damaged == 2);
  REQUIRE(content.errors.size() == 3);
  CHECK(content.errors[0].message == "line 2 is no image's name, number and caption");
  CHECK(content.errors[0].reason == Reason::damaged_shard);
  CHECK(content.errors[2].message == "line 4 is not UTF-8");
  CHECK(content.errors[2].reason == Reason::bad_text);
  CHECK(content.errors[2].key == "b.jpg");
}

TEST_CASE("Karpathy's document has a sample for each image, with its split") {
  const auto content = table_of("flickr30k", kKarpathy);
  CHECK(content.errors.empty());
  CHECK(jsons(content) ==
        std::vector<std::string>{
            R"({"image": "a.jpg", "captions": ["one \u00e9", "two"], "split": "train"})",
            R"({"image": "val2014/b.jpg", "captions": [], "split": "val"})"});
  CHECK(content.rows[1].key == "val2014/b.jpg");
}

TEST_CASE("Karpathy's document cut anywhere gives the samples before the cut, and one error") {
  const auto whole = table_of("flickr30k", kKarpathy);
  const std::size_t list = kKarpathy.find('[');
  for (std::size_t length = 0; length < kKarpathy.size(); ++length) {
    const auto shard = open_text("flickr30k", kKarpathy.substr(0, length), only_fields({"json"}));
    CHECK(shard.has_value() == (length > list));
    if (!shard) {
      CHECK(shard.error().reason == Reason::damaged_shard);
      continue;
    }
    const auto content = read_table(**shard);
    CHECK(content.index.damaged == 1);
    REQUIRE(content.errors.size() == 1);
    CHECK(content.errors[0].reason == Reason::damaged_shard);
    REQUIRE(content.rows.size() <= whole.rows.size());
    for (std::size_t i = 0; i < content.rows.size(); ++i) CHECK(content.rows[i] == whole.rows[i]);
  }
}

TEST_CASE("an image of Karpathy's that is none is an error, and the next one is read") {
  const auto content =
      table_of("flickr30k",
               R"({"images": [5, {"sentences": []}, {"filename": "a", "sentences": 1},
          {"filename": "a", "sentences": [{"tokens": []}]}, {"filename": "b"}]})");
  CHECK(content.errors.size() == 4);
  for (const auto& error : content.errors) CHECK(error.reason == Reason::bad_json);
  CHECK(jsons(content) == std::vector<std::string>{R"({"image": "b", "captions": []})"});
}

TEST_CASE("lines cut anywhere give the samples before the cut, and no others but the last") {
  for (const std::string_view text : {kToken, kBars}) {
    const auto whole = table_of("flickr30k", text).rows;
    for (std::size_t length = text.find('\n') + 1; length < text.size(); ++length) {
      const auto content = table_of("flickr30k", text.substr(0, length));
      // A line that is cut within its caption cannot be told from one that is not.
      REQUIRE(content.rows.size() <= whole.size());
      for (std::size_t i = 0; i + 1 < content.rows.size(); ++i) CHECK(content.rows[i] == whole[i]);
      CHECK(content.errors.size() <= 1);
    }
  }
}

TEST_CASE("the three forms are known by their content") {
  for (const std::string_view text : {kToken, kBars, kKarpathy}) CHECK(recognized(text));
  CHECK_FALSE(recognized("a.jpg\tcaption\n"));
  CHECK_FALSE(recognized("image,caption\n"));
  CHECK_FALSE(recognized(R"({"images": [{"id": 1, "file_name": "a"}], "annotations": []})"));
  CHECK_FALSE(recognized(""));
  CHECK_FALSE(recognized(std::string("results.token") + '\0' + "a.jpg#0\tone\n"));
}

TEST_CASE("reading lines allocates nothing once the buffers have grown") {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "a/folder/with/a/long/name/" + std::to_string(1000 + i / 5) +
            ".jpg#0\ta caption, longer than a short string \"" + std::string(20, 'x') + "\"\n";
  }
  const auto shard = open_text("flickr30k", text, only_fields({"json"}));
  REQUIRE(shard.has_value());
  millrace::test::check_reading_allocates_nothing(**shard, 40);
}

TEST_CASE("the reference captions are reproduced in all three forms") {
  const auto data = millrace::test::reference_data("Flickr30k captions");
  if (!data) return;
  for (const char* name : {"results.token", "results.csv", "dataset_karpathy.json"}) {
    CAPTURE(name);
    const auto check = [&](const RowSample& sample, element json, element row) {
      CHECK(sample.key == std::string_view(row["image"]));
      CHECK(std::string_view(json["image"]) == std::string_view(row["image"]));
      CHECK_FALSE(sample.fields.at("image").empty());
      // The file with bars ends each caption in a full stop of its own, as the published one does.
      const std::string ending = std::string_view(name) == "results.csv" ? " ." : "";
      std::vector<std::string> captions;
      for (const std::string_view caption : simdjson::dom::array(json["captions"])) {
        captions.emplace_back(caption);
      }
      std::vector<std::string> expected;
      for (const std::string_view caption : simdjson::dom::array(row["captions"])) {
        expected.push_back(std::string(caption) + ending);
      }
      CHECK(captions == expected);
      std::string_view split;
      if (json["split"].get(split) == simdjson::SUCCESS) {
        CHECK(split == std::string_view(row["split"]));
      } else {
        CHECK(std::string_view(name) != "dataset_karpathy.json");
      }
    };
    check_reference_captions(*data / "tabular" / "flickr30k", name, check);
  }
}

}  // namespace
