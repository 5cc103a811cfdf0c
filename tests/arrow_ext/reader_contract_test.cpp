// What holds for every reader, for those of Parquet and Arrow.

#include "reader_contract.h"

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include "scratch_folder.h"
#include "specimens.h"
#include "table_maker.h"

namespace millrace::test {
namespace {

// Without nulls, so that every sample is a good one.
constexpr std::int64_t kRows = 4;

Specimen specimen_of(const std::string& format, const std::string& path) {
  return {.format = format, .path = path, .samples = kRows, .file = path};
}

TEST_CASE("Arrow streams and files keep the contract of readers, compressed or not") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.arrow");
  for (const bool is_file : {false, true}) {
    for (const bool is_compressed : {false, true}) {
      const std::string format =
          std::string(is_compressed ? "a compressed " : "a ") + (is_file ? "file" : "stream");
      SUBCASE(format.c_str()) {
        const auto codec =
            is_compressed ? arrow::Compression::ZSTD : arrow::Compression::UNCOMPRESSED;
        write_arrow(*photo_table(kRows, 40), path,
                    {.compression = codec, .rows_per_batch = 2, .is_file = is_file});
        Specimen specimen = specimen_of(format, path);
        // A stream needs no mark of its end: it may end wherever a message begins.
        specimen.may_end = [is_file](const std::string& bytes, std::size_t length) {
          return !is_file && bytes.compare(length, 4, "\xff\xff\xff\xff") == 0;
        };
        check_contract(specimen);
      }
    }
  }
}

TEST_CASE("row groups of Parquet keep the contract of readers") {
  const ScratchFolder folder;
  const std::string path = folder.path("photos.parquet");
  write_parquet(*photo_table(kRows, 40), path,
                {.compression = arrow::Compression::ZSTD, .rows_per_group = 2});
  check_contract(specimen_of("parquet", path));
}

}  // namespace
}  // namespace millrace::test
