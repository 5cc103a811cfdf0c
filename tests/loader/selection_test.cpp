#include "millrace/loader/selection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "loader/memory_catalog.h"
#include "reference_data.h"
#include "refusal.h"
#include "sanitized_build.h"
#include "scratch_folder.h"
#include "tar_writer.h"
#include "text.h"

namespace millrace {
namespace {

using test::contains;
using test::CountCatalog;
using test::Entry;
using test::error_of;
using test::in_turn;
using test::kAbsent;
using test::MemoryCatalog;
using test::Places;
using test::places_of;
using test::select_places;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string refusal_of(const Selection& selection) {
  return test::refusal_of([&] { selection.validate(); });
}

/// Three shards of 3, 0 and 4 samples; "d" is a damaged place.
MemoryCatalog small_catalog() {
  return MemoryCatalog({{{"a", 0.1, 100}, {"b", 0.5, 200}, {"c", kAbsent, 300}},
                        {},
                        {{"", kAbsent, kAbsent}, {"e", 0.9, 10}, {"f", 0.3, 400}, {"g", 0.2, 50}}});
}

TEST_CASE("an empty selection selects everything") {
  const MemoryCatalog catalog = small_catalog();
  CHECK(Selection{}.selects_all());
  CHECK(Selection{}.metadata().empty());
  CHECK(Selection{}.describe() == "{}");
  const Places all = {{0, 0}, {0, 1}, {0, 2}, {2, 0}, {2, 1}, {2, 2}, {2, 3}};
  CHECK(select_places({}, catalog) == all);
  CHECK(places_of(SelectedSamples(catalog)) == all);
}

TEST_CASE("each member selects") {
  const MemoryCatalog catalog = small_catalog();
  CHECK(select_places({.shards_begin = 2}, catalog) == Places{{2, 0}, {2, 1}, {2, 2}, {2, 3}});
  CHECK(select_places({.shards_end = 2}, catalog) == Places{{0, 0}, {0, 1}, {0, 2}});
  CHECK(select_places({.where = "score >= 0.3"}, catalog) == Places{{0, 1}, {2, 1}, {2, 2}});
  CHECK(select_places({.keep_keys = {"g", "a", "nobody"}}, catalog) == Places{{0, 0}, {2, 3}});
  CHECK(select_places({.every = 3}, catalog) == Places{{0, 0}, {2, 0}, {2, 3}});
  CHECK(select_places({.every = 3, .every_offset = 2}, catalog) == Places{{0, 2}, {2, 2}});
}

TEST_CASE("members are applied in their order") {
  const MemoryCatalog catalog = small_catalog();
  Selection selection;
  selection.where = "score is present";  // a b e f g
  selection.keep_keys = {"a", "b", "c", "e", "f"};
  selection.drop_keys = {"b"};  // a e f
  selection.every = 2;
  CHECK(select_places(selection, catalog) == Places{{0, 0}, {2, 2}});
  selection.shards_begin = 1;  // e f
  CHECK(select_places(selection, catalog) == Places{{2, 1}});
  CHECK(selection.metadata() == std::vector<std::string>{"json:score", "__key__"});
}

TEST_CASE("a damaged place stays unless samples are chosen by what it has not") {
  const MemoryCatalog catalog = small_catalog();
  const auto has_damage = [&](const Selection& selection) {
    const Places places = select_places(selection, catalog);
    return std::find(places.begin(), places.end(), std::pair<std::uint64_t, std::uint64_t>{2, 0}) !=
           places.end();
  };
  CHECK(has_damage({.shards_begin = 1}));
  CHECK(has_damage({.drop_keys = {"a", "e"}}));
  CHECK(has_damage({.every = 3}));
  CHECK(has_damage({.where = "score is absent"}));
  CHECK_FALSE(has_damage({.where = "score < 2"}));
  CHECK_FALSE(has_damage({.where = "not score < 0"}));
  CHECK_FALSE(has_damage({.keep_keys = {"a", "e"}}));
}

TEST_CASE("keys come from files too, a line each") {
  const MemoryCatalog catalog = small_catalog();
  const test::ScratchFolder folder;
  folder.write("dos.txt",
               "\xef\xbb\xbf"
               "a\r\n\r\nf\r\n\n");
  folder.write("unix.txt", "\ng\na");
  const std::string dos = "@" + folder.path("dos.txt");
  const std::string unix_lines = "@" + folder.path("unix.txt");
  CHECK(select_places({.keep_keys = {dos}}, catalog) == Places{{0, 0}, {2, 2}});
  CHECK(select_places({.keep_keys = {dos, unix_lines, "b"}}, catalog) ==
        Places{{0, 0}, {0, 1}, {2, 2}, {2, 3}});
  CHECK(Selection{.keep_keys = {dos, unix_lines}}.describe() ==
        Selection{.keep_keys = {"g", "f", "a", "a"}}.describe());
  CHECK(Selection{.keep_keys = {dos}}.describe() !=
        Selection{.keep_keys = {unix_lines}}.describe());
  CHECK(Selection{.keep_keys = {dos}}.describe() != Selection{.drop_keys = {dos}}.describe());
  for (const std::string& missing : {folder.path("missing.txt"), folder.path().string()}) {
    const Selection selection{.drop_keys = {"@" + missing}};
    CHECK_NOTHROW(selection.validate());
    CHECK_THROWS_WITH_AS(static_cast<void>(selection.describe()),
                         doctest::Contains(missing.c_str()), std::invalid_argument);
    CHECK_THROWS_WITH_AS(static_cast<void>(SelectedSamples::select(selection, catalog, in_turn)),
                         doctest::Contains("drop_keys"), std::invalid_argument);
  }
}

TEST_CASE("a selection's description is canonical and holds what is not at its default") {
  Selection selection{.shards_begin = 2, .where = " score>=0.30 and(width>0)"};
  CHECK(selection.describe() ==
        R"({"shards":[2,null],"where":"json:score >= 0.3 and json:width > 0"})");
  selection = {.shards_end = 7, .every = 10, .every_offset = 3};
  CHECK(selection.describe() == R"({"shards":[0,7],"every":10,"every_offset":3})");
  CHECK(contains(Selection{.drop_keys = {"a"}}.describe(), R"({"drop_keys":{"keys":1,"hash":")"));
}

TEST_CASE("a selection that is none is refused with the member's name and value") {
  CHECK(contains(refusal_of({.shards_begin = 3, .shards_end = 3}), "shards = [3, 3)"));
  CHECK(contains(refusal_of({.where = "score >"}), "where: condition \"score >\", column 8"));
  CHECK(contains(refusal_of({.where = " "}), "where: "));
  CHECK(contains(refusal_of({.keep_keys = {"a", ""}}), "keep_keys = \"\""));
  CHECK(contains(refusal_of({.drop_keys = {"@"}}), "drop_keys = \"@\""));
  CHECK(contains(refusal_of({.every = 0}), "every = 0"));
  CHECK(contains(refusal_of({.every = 4, .every_offset = 4}), "every_offset = 4"));
  CHECK_THROWS_AS(
      static_cast<void>(SelectedSamples::select({.every = 0}, small_catalog(), in_turn)),
      std::invalid_argument);
}

TEST_CASE("an empty outcome is an error that says which member left nothing, and of how much") {
  const MemoryCatalog catalog = small_catalog();
  const auto check = [&](const Selection& selection, const std::string& member,
                         const std::string& of) {
    const std::string error = error_of(selection, catalog);
    CAPTURE(error);
    CHECK(contains(error, "the selection is empty: " + member));
    CHECK(contains(error, "leaves none of " + of + " sample(s) in 3 shard(s)"));
  };
  check({.shards_begin = 1, .shards_end = 2}, "shards = [1, 2)", "7");
  check({.shards_begin = 3}, "shards = [3, )", "7");
  check({.where = "score > 1"}, "where = \"json:score > 1\"", "7");
  check({.where = "score > 0.4", .keep_keys = {"a", "g"}}, "keep_keys (2 keys)", "2");
  check({.keep_keys = {"a", "g"}, .drop_keys = {"g", "a", "x"}}, "drop_keys (3 keys)", "2");
  check({.shards_end = 1, .every = 9, .every_offset = 3}, "every = 9, every_offset = 3", "3");
  const test::ScratchFolder folder;
  folder.write("empty.txt", "\n");
  check({.keep_keys = {"@" + folder.path("empty.txt")}}, "keep_keys (0 keys)", "7");
}

TEST_CASE("the first shard's failure is told, whatever the threads do") {
  MemoryCatalog catalog(std::vector<std::vector<Entry>>(9, {{"a", 1, 1}}));
  catalog.failing = {2, 5, 8};
  CHECK(contains(error_of({.where = "score > 0"}, catalog), "2.tar is gone"));
  CHECK(contains(error_of({.shards_begin = 3, .where = "score > 0"}, catalog), "5.tar is gone"));
  CHECK(error_of({.shards_end = 2, .where = "score > 0"}, catalog) == "none");
  CHECK_THROWS_AS(
      static_cast<void>(SelectedSamples::select({.where = "other > 0"}, catalog, in_turn)),
      std::invalid_argument);
}

TEST_CASE("counts that do not fit are an error, not an overflow") {
  const CountCatalog sum_overflows(3, std::uint64_t{1} << 63);
  CHECK(contains(error_of({.every = 2}, sum_overflows), "more than 2^64"));
  if (MILLRACE_TEST_SANITIZED == 0) {  // whose allocators end the process instead
    const CountCatalog too_many_bits(4, std::uint64_t{1} << 61);
    CHECK(contains(error_of({.keep_keys = {"a"}}, too_many_bits), "not enough memory"));
  }
  const CountCatalog large(3, std::uint64_t{1} << 62);
  const auto selected =
      SelectedSamples::select({.every = kMost, .every_offset = kMost - 1}, large, in_turn);
  CHECK_FALSE(selected.has_value());
}

TEST_CASE("a million shards are selected from without looking at samples") {
  const CountCatalog catalog(1'000'000, 10'000);
  const auto selected =
      SelectedSamples::select({.shards_begin = 1, .every = 7, .every_offset = 4}, catalog, in_turn);
  REQUIRE(selected.has_value());
  CHECK(selected->counts().total() == (999'999ULL * 10'000 - 4 + 6) / 7);
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = random() % selected->counts().total();
    const SampleId id = selected->counts().locate(number);
    CHECK((id.shard - 1) * 10'000 + selected->index_in_shard(id) == number * 7 + 4);
  }
}

TEST_CASE("a selection is made from shards as they lie") {
  const test::ScratchFolder folder;
  std::vector<std::string> paths;
  for (int shard = 0; shard < 3; ++shard) {
    test::TarMembers members;
    for (int i = 0; i < 5; ++i) {
      const std::string key = std::to_string(shard) + std::to_string(i);
      const std::string score = i == 3 ? "" : ", \"score\": 0." + std::to_string(i);
      members.emplace_back(key + ".txt", "caption");
      members.emplace_back(key + ".json", "{\"width\": " + std::to_string(100 * i) + score + "}");
    }
    paths.push_back(folder.write(std::to_string(shard) + ".tar", test::make_tar(members)));
  }
  Selection selection{.where = "score >= 0.2 or width == 0", .drop_keys = {"10", "24"}};
  CatalogOptions options;
  options.use_index = false;
  options.cache_folder.clear();
  options.metadata = selection.metadata();
  const auto catalog = ShardCatalog::open(paths, options, in_turn);
  REQUIRE_MESSAGE(catalog.has_value(), catalog.error().to_string());
  CHECK(select_places(selection, **catalog) ==
        Places{{0, 0}, {0, 2}, {0, 4}, {1, 2}, {1, 4}, {2, 0}, {2, 2}});
}

TEST_CASE("conditions on the photos select what their JSON says") {
  const auto data = test::reference_data("selection of photos");
  if (!data) return;
  const std::vector<std::string> paths = {(*data / "photos" / "photos-000000.tar").string(),
                                          (*data / "photos" / "photos-000001.tar").string()};
  const std::array<std::vector<unsigned char>, 2> shards = {test::read_file(paths[0]),
                                                            test::read_file(paths[1])};
  Places wide;
  Places good;
  Places without_score;
  std::array<std::uint64_t, 2> next_index = {};
  simdjson::dom::parser parser;
  test::for_each_json_line(*data / "photos" / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::string_view name = row["shard"];
    const std::uint64_t shard = name == "photos-000001.tar" ? 1 : 0;
    const std::uint64_t index = next_index[shard]++;
    // The score is in the sample's own JSON, whose place in the shard the manifest knows.
    const std::uint64_t begin = row["members"]["json"]["data"];
    const std::uint64_t size = row["members"]["json"]["size"];
    const simdjson::dom::element document = parser.parse(&shards[shard][begin], size);
    const std::int64_t width = row["width"];
    const std::int64_t height = row["height"];
    double score = kAbsent;
    const bool scored = document["quality_score"].get(score) == simdjson::SUCCESS;
    if (width >= 500 && height < 400) wide.emplace_back(shard, index);
    if (scored && score >= 0.3 && width > 300) good.emplace_back(shard, index);
    if (!scored) without_score.emplace_back(shard, index);
  });
  REQUIRE(wide.size() > 10);
  REQUIRE(good.size() > 10);
  REQUIRE(without_score.size() > 10);
  REQUIRE(without_score.size() < 590);

  CatalogOptions options;
  options.use_index = false;
  options.cache_folder.clear();
  options.metadata = {"json:width", "json:height", "json:quality_score"};
  const auto catalog = ShardCatalog::open(paths, options, in_turn);
  REQUIRE_MESSAGE(catalog.has_value(), catalog.error().to_string());
  CHECK(select_places({.where = "width >= 500 and not height >= 400"}, **catalog) == wide);
  CHECK(select_places({.where = "json:quality_score >= 0.3 and width > 300"}, **catalog) == good);
  CHECK(select_places({.where = "quality_score is absent"}, **catalog) == without_score);
}

TEST_CASE("an index that knows of absurdly many captions is refused") {
  const MemoryCatalog catalog({{{"a", 1, 1, 2}, {"b", 1, 1, 1e300}}});
  CHECK(contains(error_of({.expand = "json:texts"}, catalog), "more than 65536 captions"));
  CHECK(Selection{.expand = "json:texts"}.metadata() == std::vector<std::string>{"json:texts#"});
  CHECK(Selection{.expand = "json:texts"}.describe() == R"({"expand":"json:texts"})");
  CHECK(contains(refusal_of({.expand = ";"}), "expand: "));
}

}  // namespace
}  // namespace millrace
