// Any bytes are a table, or refused: reading it must end, stay inside the bytes, and account for
// every entry; the scanner that finds records and the walk over their cells must agree.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/tables/csv_records.h"
#include "millrace/formats/tables/csv_shard.h"
#include "sample_reading.h"

namespace {

using millrace::fuzz::require;

void check_records(std::string_view text, char separator) {
  millrace::csv::RecordScanner scanner(text, 0, separator);
  millrace::csv::Record record;
  std::size_t end_of_last = 0;
  std::vector<std::uint8_t> unescaped;
  while (scanner.next(record)) {
    require(record.begin >= end_of_last && record.end > record.begin);
    require(record.end <= text.size());
    millrace::csv::CellWalk walk(text, record.begin, separator);
    for (millrace::csv::Cell cell; walk.next(cell);) {
      unescaped.clear();
      if (cell.escaped) millrace::csv::unescape(cell.text, unescaped);
      require(unescaped.size() <= cell.text.size());
    }
    require(walk.at() == record.end && walk.unterminated() == record.unterminated);
    end_of_last = record.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::string_view kSeparators = ",\t|; ";
  const std::size_t choice = data[0] % (kSeparators.size() + 2);
  const std::vector<std::uint8_t> bytes(data + 1, data + size);
  millrace::ReadOptions options;
  options.image_paths = {};
  if (choice < kSeparators.size()) options.separator = kSeparators.substr(choice, 1);
  if (choice > kSeparators.size()) options.columns = {"a", "b", "id"};
  check_records({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                options.separator.empty() ? ',' : options.separator[0]);

  const auto source = millrace::memory_source("fuzz.csv", bytes);
  const auto shard = millrace::open_csv("fuzz.csv", {source, {}, 0}, options);
  if (!shard) return 0;
  const std::uint64_t touched =
      millrace::fuzz::read_samples(**shard, bytes.size(), millrace::fuzz::check_fields);
  return touched == ~std::uint64_t{0} ? 1 : 0;
}
