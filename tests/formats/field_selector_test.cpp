#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/json_value.h"
#include "reference_data.h"
#include "text.h"

namespace {

using millrace::FieldSelector;
using millrace::Reason;
using millrace::Sample;
using millrace::test::bytes_of;

// What a selector gives for a sample whose field "json" is `json`; an error as its reason's name.
std::string selected(const std::string& selector, const std::string& json) {
  static const std::string caption = "plain caption";
  Sample sample;
  sample.reset("s.tar", 1024);
  sample.set_key("k");
  sample.add_field("json", bytes_of(json));
  sample.add_field("caption", bytes_of(caption));
  FieldSelector::Scratch scratch;
  const auto result = FieldSelector(selector).select(sample, scratch);
  if (result) return {result->begin(), result->end()};
  CHECK(result.error().shard == "s.tar");
  CHECK(result.error().offset_bytes == 1024);
  CHECK(result.error().key == "k");
  return std::string(millrace::reason_name(result.error().reason));
}

TEST_CASE("the first alternative that is present wins") {
  CHECK(selected("txt;caption;json:a", "{}") == "plain caption");
  CHECK(selected(" TXT ; Caption ", "{}") == "plain caption");
  CHECK(selected("json", "raw { bytes") == "raw { bytes");
  CHECK(selected("txt;json:a", R"({"a": "from json"})") == "from json");
  CHECK(selected("__key__", "{}") == "k");
  CHECK(selected("__shard__", "{}") == "s.tar");
  CHECK(selected("__offset__", "{}") == "1024");
}

TEST_CASE("a missing field says what was asked for and what there is") {
  Sample sample;
  sample.reset("s.tar", 0);
  sample.set_key("k");
  const std::string data = "x";
  sample.add_field("jpg", bytes_of(data));
  sample.add_field("cls", bytes_of(data));
  FieldSelector::Scratch scratch;
  const auto result = FieldSelector("txt;json:caption").select(sample, scratch);
  REQUIRE_FALSE(result);
  CHECK(result.error().reason == Reason::missing_field);
  CHECK(result.error().message == "nothing for \"txt;json:caption\"; the sample has jpg, cls");
}

TEST_CASE("JSON values are found by their path") {
  CHECK(selected("json:a.b.c", R"({"x": [1, {"a": 2}], "a": {"b": {"c": "deep"}}, "y": null})") ==
        "deep");
  CHECK(selected("json:a", R"({"a": "\"\u00e9\ud83c\udf1f\n\/"})") ==
        "\"\xc3\xa9\xf0\x9f\x8c\x9f\n/");
  CHECK(selected("json:a", R"({"a": -12.50e+3 })") == "-12.50e+3");
  CHECK(selected("json:a", R"({"a": 123456789012345678901234567890})") ==
        "123456789012345678901234567890");
  CHECK(selected("json:a", R"({"a": true})") == "true");
  CHECK(selected("json:a", R"({"a": ""})").empty());
  CHECK(selected("json:a", "\xef\xbb\xbf {\"a\": \"mark\"}\r\n") == "mark");
  CHECK(selected("json:\xc3\xa9", R"({"\u00e9": "escaped key"})") == "escaped key");
}

TEST_CASE("a list stands for its first entry") {
  CHECK(selected("json:texts", R"({"texts": ["one", "two"]})") == "one");
  CHECK(selected("json:texts", R"({"texts": [["one"], "two"]})") == "one");
  CHECK(selected("json:items.t", R"({"items": [{"t": "one"}, {"t": "two"}]})") == "one");
  CHECK(selected("json:t", R"([{"t": "one"}, {"t": "two"}])") == "one");
  CHECK(selected("json:texts", R"({"texts": []})") == "missing_field");
  CHECK(selected("json:texts;caption", R"({"texts": [null, "two"]})") == "plain caption");
}

TEST_CASE("of duplicate keys the last one counts") {
  CHECK(selected("json:a", R"({"a": "first", "b": {"a": "x"}, "a": "last"})") == "last");
  CHECK(selected("json:a.b", R"({"a": {"b": 1}, "a": {"c": 2}})") == "missing_field");
  CHECK(selected("json:a", R"({"a": "first", "a": null})") == "missing_field");
}

TEST_CASE("a path that leads nowhere, or to null, leaves it to the next alternative") {
  CHECK(selected("json:b;caption", R"({"a": 1})") == "plain caption");
  CHECK(selected("json:a;caption", R"({"a": null})") == "plain caption");
  CHECK(selected("json:a.b;caption", R"({"a": "text"})") == "plain caption");
  CHECK(selected("json:a;caption", "12") == "plain caption");
  CHECK(selected("json:a;caption", "\"text\"") == "plain caption");
  CHECK(selected("json:a", R"({"a": {"b": 1}})") == "bad_json");
}

TEST_CASE("invalid JSON is an error at once, wherever it is broken") {
  for (const std::string json : {"",
                                 " ",
                                 "{",
                                 "}",
                                 R"({"a": "x")",
                                 R"({"a": "x"} x)",
                                 R"({"a": "x"}})",
                                 R"({"a": "x",})",
                                 R"({"a" "x"})",
                                 R"({"a": 01})",
                                 R"({"a": 1.})",
                                 R"({"a": .5})",
                                 R"({"a": 1e})",
                                 R"({"a": +1})",
                                 R"({"a": -})",
                                 R"({"a": NaN})",
                                 R"({"a": nul})",
                                 R"({"a": truex})",
                                 R"({"a": 'x'})",
                                 R"({"a": "\q"})",
                                 R"({"a": "\ud800"})",
                                 R"({"a": "x", "b": [1, 2})",
                                 R"({"a": "x", "b": [1 2]})",
                                 R"({"a": "x", "b": {1: 2}})",
                                 R"({"a": "x" "b": 1})",
                                 "{\"a\": \"\n\"}",
                                 "{\"a\": \"\xff\"}",
                                 R"({"a": "x", "b": 1 2})",
                                 "[1, 2",
                                 "abc",
                                 "1 2",
                                 R"("x" 1)",
                                 R"({"b": 1, })"}) {
    CAPTURE(json);
    CHECK(selected("json:a;caption", json) == "bad_json");
  }
  const std::string nul("{\"a\": \"x\"}\0", 11);
  CHECK(selected("json:a", nul) == "bad_json");
}

TEST_CASE("strings that are not asked for may hold lone surrogates but no wrong escapes") {
  CHECK(selected("json:a", R"({"b": "\ud800 \\ \" \u00e9", "a": "x"})") == "x");
  CHECK(selected("json:a", R"({"b": "\q", "a": "x"})") == "bad_json");
  CHECK(selected("json:a", R"({"b": ["\u12"], "a": "x"})") == "bad_json");
}

TEST_CASE("documents may nest 1,024 deep and no deeper") {
  const auto nested = [](int depth) {
    const auto n = static_cast<std::size_t>(depth);
    return R"({"a": "x", "b": )" + std::string(n, '[') + std::string(n, ']') + "}";
  };
  CHECK(selected("json:a", nested(1023)) == "x");
  CHECK(selected("json:a", nested(1024)) == "bad_json");
  CHECK(selected("json:a", nested(1'000'000)) == "bad_json");
}

// All that a selector finds, joined by "|"; an error as its reason's name.
std::string all_of(const std::string& selector, const std::string& json) {
  Sample sample;
  sample.reset("s.tar", 1024);
  sample.add_field("json", bytes_of(json));
  FieldSelector::Scratch scratch;
  std::vector<std::span<const std::uint8_t>> values;
  const auto found = FieldSelector(selector).find_all(sample, scratch, values);
  if (!found) return std::string(millrace::reason_name(found.error().reason));
  std::string joined;
  for (const auto value : values) joined.append(value.begin(), value.end()).append("|");
  return joined;
}

TEST_CASE("all entries of lists are found where all are asked for") {
  CHECK(all_of("json:a", R"({"a": ["x", "", null, 1.50, true, "\u00e9"]})") ==
        "x||1.50|true|\xc3\xa9|");
  CHECK(all_of("json:a", R"({"a": "x"})") == "x|");
  CHECK(all_of("json:a.c", R"({"a": [{"c": "x"}, {"b": 1}, {"c": ["y", ["z"]]}]})") == "x|y|z|");
  CHECK(all_of("json:b;json:a", R"({"a": ["x", "y"], "b": []})") == "x|y|");
  CHECK(all_of("json:b;json:a", R"({"a": ["x", "y"], "b": [null, "z"]})") == "z|");
  CHECK(all_of("json:a", R"({"a": ["x"], "a": ["y", "z"]})") == "y|z|");
  CHECK(all_of("json:a", R"({"a": [{"b": 1}, "x"]})") == "x|");
  CHECK(all_of("json:a", R"({"a": [{"b": 1}]})") == "bad_json");
  CHECK(all_of("json:a", R"({"a": ["x"})") == "bad_json");
  CHECK(all_of("json:c", R"({"a": ["x"]})").empty());
  CHECK(all_of("json", R"(["x"])") == R"(["x"]|)");
}

TEST_CASE("where one value is to be found it is the first of all of them") {
  for (const char* json :
       {R"({"a": [null, "b"], "t": "t"})", R"({"a": [{"x": 1}, "b"], "t": "t"})",
        R"({"a": [[], [null, ["b"]], "c"], "t": "t"})", R"({"a": [null], "t": "t"})",
        R"({"a": ["", "b"], "t": "t"})", R"({"a": ["x"], "a": [null, "b"], "t": "t"})",
        R"({"a": [{"x": 1}], "t": "t"})", R"({"a": ["b", {"x": 1}], "t": "t"})",
        R"({"a": ["x"], "a": [null], "t": "t"})", R"({"a": [null, "b"})"}) {
    CAPTURE(json);
    Sample sample;
    sample.reset("s.tar", 0);
    sample.add_field("json", bytes_of(json));
    FieldSelector::Scratch scratch;
    const FieldSelector selector("json:a;json:t");
    std::vector<std::span<const std::uint8_t>> all;
    const auto found_all = selector.find_all(sample, scratch, all);
    const std::string expected =
        found_all ? std::string(all.at(0).begin(), all.at(0).end()) : "error";
    const auto found = selector.find(sample, scratch);
    CHECK((found ? std::string((*found)->begin(), (*found)->end()) : "error") == expected);
  }
  CHECK(selected("json:a;caption", R"({"a": [null, "b"]})") == "plain caption");
}

TEST_CASE("a field that is JSON is selected whole by a colon alone") {
  CHECK(all_of("json:", R"(["x", "y"])") == "x|y|");
  CHECK(all_of("json: ", R"("x\ty")") == "x\ty|");
  CHECK(selected("json:", R"(["x", "y"])") == "x");
  CHECK(selected("json:", " 12 ") == "12");
  CHECK(selected("json:", "null") == "missing_field");
  CHECK(selected("json:", R"({"a": 1})") == "bad_json");
}

TEST_CASE("of a field that is a JSON value captions are its entries, and its bytes the JSON") {
  const auto each = [](const std::string& json) {
    Sample sample;
    sample.reset("s.parquet", 0);
    sample.add_field("texts", bytes_of(json), true);
    const std::string title = R"(["as it is"])";
    sample.add_field("title", bytes_of(title));
    FieldSelector::Scratch scratch;
    const FieldSelector selector("texts;title");
    std::vector<std::span<const std::uint8_t>> values;
    if (!selector.find_all(sample, scratch, values)) return std::string("error");
    std::string seen;
    for (const auto value : values) seen.append(value.begin(), value.end()).append("|");
    const auto first = selector.find(sample, scratch);
    REQUIRE(first);
    REQUIRE(*first);
    seen.append((*first)->begin(), (*first)->end());
    const auto whole = selector.select(sample, scratch);
    REQUIRE(whole);
    CHECK(std::string(whole->begin(), whole->end()) == json);
    return seen;
  };
  CHECK(each(R"(["x\ty", "z"])") == "x\ty|z|x\ty");
  CHECK(each(R"("x")") == "x|x");
  CHECK(each("[]") == R"(["as it is"]|["as it is"])");
  CHECK(each(R"({"a": "x"})") == "error");
  // A sample that is read again forgets what its fields were.
  Sample sample;
  sample.add_field("a", {}, true);
  sample.reset("s.tar", 0);
  sample.add_field("a", {});
  CHECK_FALSE(sample.fields()[0].is_json_value);
}

TEST_CASE("selectors that cannot be meant are refused by name") {
  for (const std::string text : {"", "  ", ";", "jpg;", "json:a..b", ":a", "json:a."}) {
    CAPTURE(text);
    CHECK_THROWS_AS(FieldSelector{text}, std::invalid_argument);
  }
  CHECK(FieldSelector("jpg; png").text() == "jpg; png");
}

TEST_CASE("JSON documents of the test suite are accepted and rejected as they should be") {
  const auto data = millrace::test::reference_data("JSON test suite");
  if (!data) return;
  millrace::JsonValueReader reader;
  const std::vector<std::string> path = {"no such key"};
  millrace::test::for_each_json_line(
      *data / "tabular" / "jsonl" / "json_test_suite.jsonl", [&](simdjson::dom::element row) {
        const std::string name{std::string_view(row["name"])};
        const std::string_view expected = row["expected"];
        const std::string_view hex = row["hex"];
        std::vector<std::uint8_t> json;
        for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
          json.push_back(
              static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
        }
        CAPTURE(name);
        const bool valid =
            reader.find(json, path).found != millrace::JsonValueReader::Found::invalid;
        if (expected == "accept") CHECK(valid);
        if (expected == "reject") CHECK_FALSE(valid);
      });
}

}  // namespace
