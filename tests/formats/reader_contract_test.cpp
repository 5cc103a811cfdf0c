// What holds for every reader, over a small dataset of each format.

#include "reader_contract.h"
#include "scratch_folder.h"

#include <doctest/doctest.h>

namespace {

using millrace::test::check_contract;
using millrace::test::make_specimen;

TEST_CASE("every reader keeps the contract of readers") {
  for (const std::string& format : millrace::test::specimen_formats()) {
    SUBCASE(format.c_str()) {
      const millrace::test::ScratchFolder folder;
      check_contract(make_specimen(format, 5, folder));
    }
  }
}

}  // namespace
