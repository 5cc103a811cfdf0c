#include "millrace/transforms/column.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using millrace::Column;
using millrace::Dtype;
using millrace::Reason;
using millrace::Stage;

millrace::Result<void> write(const Column& column, std::string_view field, void* slot,
                             std::size_t slot_bytes) {
  millrace::StageTimes times;
  return column.transform->make_writer()->write(
      {reinterpret_cast<const std::uint8_t*>(field.data()), field.size()},
      {static_cast<std::byte*>(slot), slot_bytes}, {}, times);
}

template <typename Number>
millrace::Result<Number> parse(Dtype dtype, std::string_view field) {
  Number value{};
  const auto done = write(millrace::number("json:x", dtype), field, &value, sizeof value);
  if (!done) return tl::unexpected(done.error());
  return value;
}

}  // namespace

TEST_CASE("a text column writes token ids straight into its slot and counts the time") {
  const Column column = millrace::text("txt", std::make_shared<millrace::ClipTokenizer>(8));
  CHECK(column.fields == "txt");
  const millrace::OutputSpec output = column.transform->output();
  CHECK(output.dtype == Dtype::int64);
  CHECK(output.shape == std::vector<std::int64_t>{8});
  REQUIRE(output.slot_bytes() == 64);

  std::vector<std::int64_t> slot(8, -1);
  millrace::StageTimes times;
  const std::string_view field = "a cropped photo of the pitcher";
  const auto writer = column.transform->make_writer();
  REQUIRE(writer->write({reinterpret_cast<const std::uint8_t*>(field.data()), field.size()},
                        std::as_writable_bytes(std::span(slot)), {}, times));
  CHECK(slot == std::vector<std::int64_t>{49406, 320, 31139, 1125, 539, 518, 13445, 49407});
  CHECK(times[Stage::tokenize].items == 1);
  CHECK(times[Stage::tokenize].bytes == field.size());
}

TEST_CASE("a caption of white space alone is bad text, invalid UTF-8 is not") {
  const Column column = millrace::text("txt", std::make_shared<millrace::ClipTokenizer>());
  std::vector<std::int64_t> slot(77);
  for (const char* blank : {"", " ", "\n", "\xC2\xA0\xE3\x80\x80\x1F"}) {
    const auto done = write(column, blank, slot.data(), slot.size() * sizeof slot[0]);
    REQUIRE_FALSE(done);
    CHECK(done.error().reason == Reason::bad_text);
  }
  CHECK(write(column, "caf\xE9", slot.data(), slot.size() * sizeof slot[0]));
}

TEST_CASE("a raw column has no slot") {
  const Column column = millrace::raw("json");
  CHECK(column.transform->output().dtype == Dtype::bytes);
  CHECK(column.transform->output().shape.empty());
  CHECK(column.transform->output().slot_bytes() == 0);
  CHECK(write(column, "anything", nullptr, 0));
}

TEST_CASE("a number column reads decimal numbers, with white space around them") {
  CHECK(parse<double>(Dtype::float64, "0.1").value() == 0.1);
  CHECK(parse<double>(Dtype::float64, " -1.5e3\r\n").value() == -1500.0);
  CHECK(parse<float>(Dtype::float32, "0.1").value() == 0.1F);
  CHECK(parse<std::int64_t>(Dtype::int64, "-42\n").value() == -42);
  CHECK(parse<std::int64_t>(Dtype::int64, "9223372036854775807").value() ==
        std::numeric_limits<std::int64_t>::max());
  CHECK(parse<std::int64_t>(Dtype::int64, "-9223372036854775808").value() ==
        std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("what is no number, or too large for the column, is a bad number") {
  for (const char* field : {"", " ", "true", "null", "nan", "inf", "-Infinity", "1 2", "1,5",
                            "0x10", "\"1\"", "1e999", "--1", "1e"}) {
    CAPTURE(field);
    const auto value = parse<double>(Dtype::float64, field);
    REQUIRE_FALSE(value);
    CHECK(value.error().reason == Reason::bad_number);
  }
  CHECK_FALSE(parse<float>(Dtype::float32, "1e39"));
  for (const char* field : {"1.0", "1e3", "9223372036854775808", "-9223372036854775809", "true"}) {
    CAPTURE(field);
    const auto value = parse<std::int64_t>(Dtype::int64, field);
    REQUIRE_FALSE(value);
    CHECK(value.error().reason == Reason::bad_number);
  }
}

TEST_CASE("columns describe all that changes their output") {
  using millrace::ClipTokenizer;
  CHECK(millrace::raw("a").transform->describe() == R"({"type":"raw"})");
  CHECK(millrace::number("a", Dtype::int64).transform->describe() ==
        R"({"type":"number","dtype":"int64"})");
  CHECK(millrace::text("a", std::make_shared<ClipTokenizer>(64)).transform->describe() ==
        R"({"type":"tokens","tokenizer":{"type":"clip","context_length":64}})");
}

TEST_CASE("a column asks for what it needs") {
  CHECK_THROWS_AS(millrace::image("jpg", nullptr), std::invalid_argument);
  CHECK_THROWS_AS(millrace::text("txt", nullptr), std::invalid_argument);
  CHECK_THROWS_AS(millrace::number("x", Dtype::uint8), std::invalid_argument);
  CHECK_THROWS_AS(millrace::number("x", Dtype::bytes), std::invalid_argument);
}

TEST_CASE("clip_columns are an image and a text column") {
  const millrace::Columns columns = millrace::clip_columns(32);
  REQUIRE(columns.size() == 2);
  CHECK(columns[0].first == "image");
  CHECK(columns[0].second.fields == millrace::kImageFields);
  CHECK(columns[0].second.transform->output().dtype == Dtype::float32);
  CHECK(columns[0].second.transform->output().shape == std::vector<std::int64_t>{3, 32, 32});
  CHECK(columns[1].first == "text");
  CHECK(columns[1].second.fields == millrace::kTextFields);
  CHECK(columns[1].second.transform->output().shape == std::vector<std::int64_t>{77});
}
