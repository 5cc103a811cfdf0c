#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/transforms/column.h"

namespace {

void write_twice_counting_the_second(const millrace::Column& column,
                                     const std::vector<std::string>& fields) {
  const auto writer = column.transform->make_writer();
  std::vector<std::int64_t> slot(column.transform->output().slot_bytes() / sizeof(std::int64_t));
  millrace::StageTimes times;
  std::size_t good = 0;
  const auto write_all = [&] {
    for (const std::string& field : fields) {
      const auto done =
          writer->write({reinterpret_cast<const std::uint8_t*>(field.data()), field.size()},
                        std::as_writable_bytes(std::span(slot)), {}, times);
      good += done.has_value() ? 1 : 0;
    }
  };
  write_all();
  const std::size_t before = millrace::test::allocations_so_far();
  write_all();
  const std::size_t after = millrace::test::allocations_so_far();
  CHECK(after == before);
  CHECK(good == 2 * fields.size());
}

TEST_CASE("encoding captions allocates nothing once the scratch has grown") {
  if (!millrace::test::can_count_allocations()) return;
  std::string long_word;
  for (int i = 0; i < 300; ++i) long_word += static_cast<char>('a' + i * i % 26);
  write_twice_counting_the_second(
      millrace::text("txt", std::make_shared<millrace::ClipTokenizer>()),
      {"a cropped photo of the pitcher, it's 2024!", "Stra\xC3\x9F\x65 \xF0\x9F\x98\x82 caf\xE9",
       "\xCE\x91\xCE\xA3 \xC4\xB0stanbul <start_of_text> '\xC5\xBF", long_word, "short again"});
}

TEST_CASE("reading numbers allocates nothing") {
  if (!millrace::test::can_count_allocations()) return;
  write_twice_counting_the_second(millrace::number("json:score"), {"0.25", " 17\n", "-1e9"});
}

}  // namespace
