#include "millrace/formats/index/metadata_condition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "refusal.h"
#include "text.h"

namespace millrace {
namespace {

using test::contains;

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

std::vector<std::size_t> selected_of(const MetadataCondition& condition,
                                     const std::vector<std::vector<double>>& columns) {
  const std::size_t samples = columns.front().size();
  std::vector<std::uint64_t> words((samples + 63) / 64, ~std::uint64_t{0});
  condition.select(samples, columns, words);
  std::vector<std::size_t> selected;
  for (std::size_t i = 0; i < words.size() * 64; ++i) {
    if ((words[i / 64] >> i % 64 & 1) != 0) selected.push_back(i);
  }
  return selected;
}

// Of one column.
std::vector<std::size_t> selected_of(const std::string& text, const std::vector<double>& column) {
  return selected_of(MetadataCondition(text), {column});
}

std::string canonical(const std::string& text) { return MetadataCondition(text).text(); }

std::string error_of(const std::string& text) {
  return test::refusal_of([&] { const MetadataCondition condition(text); });
}

using Numbers = std::vector<std::size_t>;

TEST_CASE("each operator compares the value with the number") {
  const std::vector<double> column = {1, 2, 3, kAbsent};
  CHECK(selected_of("json:a < 2", column) == Numbers{0});
  CHECK(selected_of("json:a <= 2", column) == Numbers{0, 1});
  CHECK(selected_of("json:a > 2", column) == Numbers{2});
  CHECK(selected_of("json:a >= 2", column) == Numbers{1, 2});
  CHECK(selected_of("json:a == 2", column) == Numbers{1});
  CHECK(selected_of("json:a != 2", column) == Numbers{0, 2});
  CHECK(selected_of("json:a is absent", column) == Numbers{3});
  CHECK(selected_of("json:a is present", column) == Numbers{0, 1, 2});
}

TEST_CASE("a sample without the value is selected neither by a comparison nor by its opposite") {
  const std::vector<double> column = {1, kAbsent};
  for (const char* text : {"a < 9", "a != 9", "not a < 1", "not a == 9", "not (a > 5 and a > 6)"}) {
    CAPTURE(text);
    CHECK(selected_of(text, column) == Numbers{0});
  }
  CHECK(selected_of("not a == 9 or a is absent", column) == Numbers{0, 1});
  CHECK(selected_of("not a is present", column) == Numbers{1});
}

TEST_CASE("what is known decides where it is enough") {
  const std::vector<std::vector<double>> columns = {{1, 1, kAbsent}, {kAbsent, 9, 9}};
  CHECK(selected_of(MetadataCondition("a == 1 or b == 9"), columns) == Numbers{0, 1, 2});
  CHECK(selected_of(MetadataCondition("a == 1 and b == 9"), columns) == Numbers{1});
  CHECK(selected_of(MetadataCondition("not (a == 2 and b == 9)"), columns) == Numbers{0, 1});
}

TEST_CASE("a bare name is short for the value of the JSON field, and each field is named once") {
  const MetadataCondition condition("width > 1 and json:width < 9 or json:meta.score >= 0.5");
  CHECK(condition.fields() == std::vector<std::string>{"json:width", "json:meta.score"});
  CHECK(condition.text() == "json:width > 1 and json:width < 9 or json:meta.score >= 0.5");
  CHECK(MetadataCondition("json:and > 1").fields() == std::vector<std::string>{"json:and"});
  CHECK(MetadataCondition("aesthetic-score>-1").fields() ==
        std::vector<std::string>{"json:aesthetic-score"});
  CHECK(MetadataCondition("gr\xc3\xb6\xc3\x9f"
                          "e > 1")
            .fields() == std::vector<std::string>{"json:gr\xc3\xb6\xc3\x9f"
                                                  "e"});
}

TEST_CASE("texts that differ in form only have one canonical form") {
  CHECK(canonical(" ( A>1 )\n") == "json:A > 1");
  CHECK(canonical("a>1.0 AND (b<2e0 And c==-0)") == "json:a > 1 and json:b < 2 and json:c == 0");
  CHECK(canonical("(a>1 or b>1) and not (c>1 or not d>1)") ==
        "(json:a > 1 or json:b > 1) and json:c <= 1 and json:d > 1");
  CHECK(canonical("a>1 or (b>1 and c>1)") == "json:a > 1 or json:b > 1 and json:c > 1");
  CHECK(canonical("not not a is absent") == "json:a is absent");
  CHECK(canonical("a == 0.30000000000000004 or b == 1e300") ==
        "json:a == 0.30000000000000004 or json:b == 1e+300");
}

TEST_CASE("an error says the column, what was expected and what is there") {
  const auto check = [](const std::string& text, std::size_t column, const std::string& expected,
                        const std::string& found) {
    const std::string error = error_of(text);
    CAPTURE(error);
    CHECK(contains(error, ", column " + std::to_string(column) + ": "));
    CHECK(contains(error, "expected " + expected));
    CHECK(contains(error, "found " + found));
  };
  check("", 1, "a name", "the end");
  check("  ", 3, "a name", "the end");
  check("json:width", 11, "<, <=, >, >=, ==, != or \"is\"", "the end");
  check("json:width = 3", 12, "<, <=", "\"=\"");
  check("json:width >= ", 15, "a number", "the end");
  check("json:width >= abc", 15, "a number", "\"abc\"");
  check("a > 01", 5, "a number", "\"01\"");
  check("a > .5", 5, "a number", "\".5\"");
  check("a > 1.", 5, "a number", "\"1.\"");
  check("a > +1", 5, "a number", "\"+\"");
  check("a > nan", 5, "a number", "\"nan\"");
  check("a > 1e999", 5, "a number in the range", "\"1e999\"");
  check("a > 1 b > 2", 7, "\"and\", \"or\" or the end", "\"b\"");
  check("a > 1 and", 10, "a name", "the end");
  check("(a > 1", 7, "\"and\", \"or\" or \")\"", "the end");
  check("a > 1)", 6, "\"and\", \"or\" or the end", "\")\"");
  check("a > 1 && b > 2", 7, "\"and\", \"or\" or the end", "\"&\"");
  check("3 < a", 1, "a name", "\"3\"");
  check("a is 3", 6, "\"absent\" or \"present\"", "\"3\"");
  check("txt:a > 1", 1, "a name such as json:width", "\"txt:a\"");
  check("__key__ > 1", 1, "a name such as json:width (keys", "\"__key__\"");
  check("json: > 1", 1, "a path without empty parts", "\"json:\"");
  check("a..b > 1", 1, "a path without empty parts", "\"a..b\"");
  check("a. > 1", 1, "a path without empty parts", "\"a.\"");
  CHECK(contains(error_of("a\xff > 1"), "UTF-8"));
}

TEST_CASE("length and depth have limits") {
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += "a > 1";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  CHECK(canonical(nested(100, "(", ")")) == "json:a > 1");
  CHECK(canonical(nested(100, "not ", "")) == "json:a > 1");
  CHECK(contains(error_of(nested(101, "(", ")")), "100 parentheses"));
  CHECK(contains(error_of(nested(101, "not ", "")), "100 parentheses"));
  CHECK(contains(error_of(nested(20000, "(", "")), "100 parentheses"));
  CHECK(contains(error_of(std::string(65537, ' ')), "65536"));
  CHECK_THROWS_AS(MetadataCondition("((a > 1))", {.max_bytes = 100, .max_depth = 1}),
                  std::invalid_argument);
  CHECK_THROWS_AS(MetadataCondition("(a > 1)", {.max_bytes = 6, .max_depth = 1}),
                  std::invalid_argument);
}

// A random condition as text, and what SQL's logic of three values makes of it.
class RandomCondition {
 public:
  explicit RandomCondition(std::mt19937_64& random) : random_(random) {}

  struct Written {
    std::string text;
    std::vector<std::optional<bool>> truth;  // by sample; nullopt: unknown
  };

  Written write(const std::vector<std::vector<double>>& columns, int depth) {
    const std::size_t samples = columns.front().size();
    const auto kind = depth == 0 ? 0 : below(5);
    if (kind <= 1) return comparison(columns);
    if (kind == 2) {
      Written inside = write(columns, depth - 1);
      for (auto& truth : inside.truth) {
        if (truth) truth = !*truth;
      }
      inside.text = "not (" + inside.text + ")";
      return inside;
    }
    const bool all = kind == 3;
    const Written a = write(columns, depth - 1);
    const Written b = write(columns, depth - 1);
    Written joined{"(" + a.text + (all ? ") and (" : ") or (") + b.text + ")", {}};
    for (std::size_t i = 0; i < samples; ++i) {
      const bool decides = !all;  // this value decides whatever the other is
      if (a.truth[i] == decides || b.truth[i] == decides) {
        joined.truth.emplace_back(decides);
      } else if (a.truth[i] && b.truth[i]) {
        joined.truth.emplace_back(!decides);
      } else {
        joined.truth.emplace_back(std::nullopt);
      }
    }
    return joined;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  Written comparison(const std::vector<std::vector<double>>& columns) {
    static constexpr std::array<const char*, 8> kOperators = {
        "<", "<=", ">", ">=", "==", "!=", "is absent", "is present"};
    const std::size_t field = below(columns.size());
    const std::size_t what = below(kOperators.size());
    const auto number = static_cast<double>(below(4));
    Written written{std::string(1, static_cast<char>('a' + field)) + " " + kOperators[what], {}};
    if (what < 6) written.text += " " + std::to_string(static_cast<int>(number));
    for (const double value : columns[field]) {
      const bool absent = std::isnan(value);
      if (what >= 6) {
        written.truth.emplace_back(absent == (what == 6));
      } else if (absent) {
        written.truth.emplace_back(std::nullopt);
      } else {
        const std::array<bool, 6> holds = {value<number, value <= number, value> number,
                                           value >= number, value == number, value != number};
        written.truth.emplace_back(holds[what]);
      }
    }
    return written;
  }

  std::mt19937_64& random_;
};

TEST_CASE("random conditions select what the logic of three values says, and so do their texts") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    const std::size_t samples = 1 + random() % 200;
    std::vector<std::vector<double>> columns(3, std::vector<double>(samples));
    for (auto& column : columns) {
      for (double& value : column) {
        value = random() % 4 == 0 ? kAbsent : static_cast<double>(random() % 4);
      }
    }
    const auto written = RandomCondition(random).write(columns, static_cast<int>(random() % 6));
    Numbers expected;
    for (std::size_t i = 0; i < samples; ++i) {
      if (written.truth[i].value_or(false)) expected.push_back(i);
    }
    CAPTURE(written.text);
    for (const std::string& text : {written.text, canonical(written.text)}) {
      const MetadataCondition condition(text);
      std::vector<std::vector<double>> asked;
      for (const std::string& field : condition.fields()) {
        asked.push_back(columns[static_cast<std::size_t>(field.back() - 'a')]);
      }
      REQUIRE(selected_of(condition, asked) == expected);
      REQUIRE(canonical(condition.text()) == condition.text());
    }
  }
}

}  // namespace
}  // namespace millrace
