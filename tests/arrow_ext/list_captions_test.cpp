#include <algorithm>
#include <string>
#include <vector>

#include <arrow/table.h>
#include <arrow/type.h>
#include <doctest/doctest.h>

#include "loader/json_shards.h"
#include "millrace/loader/loader.h"
#include "scratch_folder.h"
#include "table_maker.h"

namespace millrace {
namespace {

using test::choosing;
using test::ScratchFolder;
using Texts = std::vector<std::string>;

LoaderOptions options_of(const std::string& path, std::optional<Captions> captions,
                         const std::string& fields = std::string(kTextFields)) {
  LoaderOptions options;
  options.sources = {path};
  options.use_index = false;
  options.columns = {{"text", raw(fields, std::move(captions))}};
  options.batch_size = 2;
  options.threads = 1;
  return options;
}

Texts delivered(const LoaderOptions& options) {
  Loader loader(options);
  Texts texts;
  while (const auto batch = loader.next()) {
    const auto& strings = batch->columns.at(0).strings;
    texts.insert(texts.end(), strings.begin(),
                 strings.begin() + static_cast<std::ptrdiff_t>(batch->size));
  }
  return texts;
}

TEST_CASE("the captions of a column of lists are the entries, by every choice") {
  for (const std::string name : {"caption", "captions", "texts"}) {
    CAPTURE(name);
    const ScratchFolder folder;
    const auto type = arrow::list(arrow::utf8());
    const auto table = arrow::Table::Make(
        arrow::schema({arrow::field(name, type)}),
        {test::array_of(type, R"([["a \"cat\"", "b"], ["", "c"], [null, "d", "e"]])")});
    test::write_parquet(*table, folder.path("t.parquet"));
    test::write_arrow(*table, folder.path("t.arrow"));
    for (const std::string& path : {folder.path("t.parquet"), folder.path("t.arrow")}) {
      CAPTURE(path);
      CHECK(delivered(options_of(path, Captions{})) == Texts{"a \"cat\"", "c", "d"});
      CHECK(delivered(options_of(path, choosing(CaptionChoice::all))) ==
            Texts{"a \"cat\"", "b", "c", "d", "e"});
      bool any_second = false;
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        LoaderOptions options = options_of(path, choosing(CaptionChoice::random));
        options.seed = seed;
        const Texts texts = delivered(options);
        REQUIRE(texts.size() == 3);
        CHECK((texts[0] == "a \"cat\"" || texts[0] == "b"));
        CHECK(texts[1] == "c");
        any_second = any_second || texts[0] == "b";
      }
      CHECK(any_second);
      // Without captions a raw column is what is there.
      CHECK(delivered(options_of(path, std::nullopt, name)).front() == R"(["a \"cat\"","b"])");
    }
  }
}

}  // namespace
}  // namespace millrace
