#include "millrace/formats/tables/json_walk.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/tables/json_text.h"
#include "reference_data.h"

namespace {

using millrace::JsonWalk;

bool is_json(std::string_view text) {
  JsonWalk walk(text);
  std::string_view value;
  return walk.value(value) && walk.at_end() &&
         millrace::first_bad_utf8(text) == std::string_view::npos;
}

std::string unescaped(std::string_view written) {
  std::vector<std::uint8_t> text;
  if (!millrace::append_unescaped(written, text)) return "<lone surrogate>";
  return {text.begin(), text.end()};
}

std::string escaped(std::string_view text) {
  std::vector<std::uint8_t> written;
  millrace::append_json_string(text, written);
  return {written.begin(), written.end()};
}

TEST_CASE("members, entries and values are given as they are written") {
  constexpr std::string_view text = R"( {"a" : [1, {"b": -2.50e+1}, []], "c\n": "x\"y" } )";
  JsonWalk walk(text);
  std::string_view key;
  std::string_view value;
  REQUIRE(walk.enter('{'));
  REQUIRE(walk.next_member(key));
  CHECK(key == "\"a\"");
  REQUIRE(walk.enter('['));
  REQUIRE(walk.next_entry());
  REQUIRE(walk.value(value));
  CHECK(value == "1");
  REQUIRE(walk.next_entry());
  REQUIRE(walk.enter('{'));
  REQUIRE(walk.next_member(key));
  REQUIRE(walk.value(value));
  CHECK(value == "-2.50e+1");
  CHECK_FALSE(walk.next_member(key));
  REQUIRE(walk.next_entry());
  REQUIRE(walk.value(value));
  CHECK(value == "[]");
  CHECK_FALSE(walk.next_entry());
  REQUIRE(walk.next_member(key));
  CHECK(key == R"("c\n")");
  REQUIRE(walk.value(value));
  CHECK(value == R"("x\"y")");
  CHECK_FALSE(walk.next_member(key));
  CHECK(walk.broken() == nullptr);
  CHECK(walk.at_end());
}

TEST_CASE("a document that is cut anywhere is broken at its end") {
  const std::string text = R"({"a": [1, true, null, {"b\u00e9": "c\\"}], "d": -0.5e7})";
  CHECK(is_json(text));
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK_FALSE(is_json(text.substr(0, length)));
  }
}

TEST_CASE("nesting has a limit, which costs nothing to reach") {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  CHECK(is_json(nested(JsonWalk::kMaxDepth)));
  CHECK_FALSE(is_json(nested(JsonWalk::kMaxDepth + 1)));
  CHECK_FALSE(is_json(std::string(5'000'000, '[')));
}

TEST_CASE("it says where a document is broken") {
  const auto broken_at = [](std::string_view text) {
    JsonWalk walk(text);
    std::string_view value;
    REQUIRE_FALSE(walk.value(value));
    REQUIRE(walk.broken() != nullptr);
    return walk.at();
  };
  CHECK(broken_at(R"({"a": tru})") == 6);
  CHECK(broken_at(R"({"a": 1 "b": 2})") == 8);
  CHECK(broken_at("[\"a long string, and a tab:\t\"]") == 27);
  CHECK(broken_at(R"(["bad escape \q"])") == 13);
  CHECK(broken_at("[1, 2") == 5);
}

TEST_CASE("strings are unescaped and escaped") {
  CHECK(unescaped(R"("plain")") == "plain");
  CHECK(unescaped(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(unescaped(R"("\u0041\u00e9\u20ac\ud83d\ude00")") ==
        "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  for (const char* lone : {R"("\ud83d")", R"("\ud83d\u0041")", R"("\ude00")", R"("\ud83dx")"}) {
    CHECK(unescaped(lone) == "<lone surrogate>");
  }
  CHECK(escaped("a\"b\\c\n\x01\xc3\xa9") == "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9\"");
}

TEST_CASE("the first place that is not UTF-8 is found") {
  using millrace::first_bad_utf8;
  CHECK(first_bad_utf8("") == std::string_view::npos);
  CHECK(first_bad_utf8("caf\xc3\xa9 \xf0\x9f\x98\x80") == std::string_view::npos);
  for (std::size_t at : {0U, 1U, 7U, 63U, 64U, 1000U}) {
    const std::string text = std::string(at, 'x') + '\xe9' + std::string(500, 'y');
    CHECK(first_bad_utf8(text) == at);
  }
}

TEST_CASE("it agrees with the JSON test suite") {
  const auto data = millrace::test::reference_data("the JSON test suite");
  if (!data) return;
  std::size_t compared = 0;
  millrace::test::for_each_json_line(
      *data / "tabular" / "jsonl" / "json_test_suite.jsonl", [&](simdjson::dom::element row) {
        const std::string_view expected = row["expected"];
        const std::string_view hex = row["hex"];
        std::string text;
        for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
          text += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
        }
        CAPTURE(text);
        if (expected == "accept") CHECK(is_json(text));
        if (expected == "reject") CHECK_FALSE(is_json(text));
        ++compared;
      });
  CHECK(compared > 200);
}

}  // namespace
