#include "millrace/loader/selection.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "reference_data.h"
#include "sanitized_build.h"
#include "tar_writer.h"

namespace millrace {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// A sample as an index knows it. A damaged place has no key.
struct Entry {
  std::string key;
  double score = kAbsent;
  double width = kAbsent;
  double texts = kAbsent;  // how many there are
};

class MemoryCatalog : public ShardCatalog {
 public:
  explicit MemoryCatalog(std::vector<std::vector<Entry>> shards) : shards_(std::move(shards)) {}

  std::size_t shards() const override { return shards_.size(); }
  std::string path(std::size_t shard) const override { return std::to_string(shard) + ".tar"; }
  std::uint64_t samples(std::size_t shard) const override { return shards_[shard].size(); }
  std::uint64_t bytes(std::size_t /*shard*/) const override { return 0; }
  std::uint64_t damaged_shards() const override { return 0; }
  SkippedRecords skipped_records() const override { return {}; }
  Result<std::vector<std::uint64_t>> sample_offsets(std::size_t /*shard*/,
                                                    const Shard& /*open*/) const override {
    return fail(Reason::internal, "not asked for");
  }
  Result<std::vector<double>> numbers(std::size_t shard, std::string_view field) const override {
    if (failing.count(shard) > 0) return fail(Reason::io_error, path(shard) + " is gone");
    std::vector<double> numbers;
    for (const Entry& entry : shards_[shard]) {
      if (field == "json:score") {
        numbers.push_back(entry.score);
      } else if (field == "json:width") {
        numbers.push_back(entry.width);
      } else if (field == "json:texts#") {
        numbers.push_back(entry.texts);
      } else {
        throw std::invalid_argument("field");
      }
    }
    return numbers;
  }
  Result<std::vector<std::uint64_t>> key_hashes(std::size_t shard) const override {
    std::vector<std::uint64_t> hashes;
    for (const Entry& entry : shards_[shard]) {
      hashes.push_back(entry.key.empty() ? 0 : key_hash(entry.key));
    }
    return hashes;
  }

  std::set<std::size_t> failing;

 private:
  std::vector<std::vector<Entry>> shards_;
};

/// Counts only, as of a huge dataset.
class CountCatalog : public MemoryCatalog {
 public:
  CountCatalog(std::size_t shards, std::uint64_t samples)
      : MemoryCatalog({}), shards_(shards), samples_(samples) {}
  std::size_t shards() const override { return shards_; }
  std::uint64_t samples(std::size_t /*shard*/) const override { return samples_; }

 private:
  std::size_t shards_;
  std::uint64_t samples_;
};

void in_turn(std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
}

void backwards_on_threads(std::size_t count, const std::function<void(std::size_t)>& task) {
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = count; i-- > 0;) {
        if (i % 3 == t) task(i);
      }
    });
  }
}

using Places = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // shard, index in it

Places places_of(const SelectedSamples& selected) {
  Places places;
  for (std::uint64_t number = 0; number < selected.counts().total(); ++number) {
    const SampleId id = selected.counts().locate(number);
    places.emplace_back(id.shard, selected.index_in_shard(id));
  }
  return places;
}

Places select_places(const Selection& selection, const ShardCatalog& catalog,
                     const ParallelFor& parallel_for = in_turn) {
  const auto selected = SelectedSamples::select(selection, catalog, parallel_for);
  REQUIRE_MESSAGE(selected.has_value(), selected.error().to_string());
  CHECK(selected->counts().shards() == catalog.shards());
  return places_of(*selected);
}

std::string error_of(const Selection& selection, const ShardCatalog& catalog) {
  const auto selected = SelectedSamples::select(selection, catalog, backwards_on_threads);
  return selected ? "none" : selected.error().to_string();
}

std::string refusal_of(const Selection& selection) {
  try {
    selection.validate();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
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
  const test::TemporaryFolder folder;
  test::write_file(folder / "dos.txt",
                   "\xef\xbb\xbf"
                   "a\r\n\r\nf\r\n\n");
  test::write_file(folder / "unix.txt", "\ng\na");
  const std::string dos = "@" + (folder / "dos.txt");
  const std::string unix_lines = "@" + (folder / "unix.txt");
  CHECK(select_places({.keep_keys = {dos}}, catalog) == Places{{0, 0}, {2, 2}});
  CHECK(select_places({.keep_keys = {dos, unix_lines, "b"}}, catalog) ==
        Places{{0, 0}, {0, 1}, {2, 2}, {2, 3}});
  CHECK(Selection{.keep_keys = {dos, unix_lines}}.describe() ==
        Selection{.keep_keys = {"g", "f", "a", "a"}}.describe());
  CHECK(Selection{.keep_keys = {dos}}.describe() !=
        Selection{.keep_keys = {unix_lines}}.describe());
  CHECK(Selection{.keep_keys = {dos}}.describe() != Selection{.drop_keys = {dos}}.describe());
  for (const std::string& missing : {folder / "missing.txt", folder.path().string()}) {
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
  const test::TemporaryFolder folder;
  test::write_file(folder / "empty.txt", "\n");
  check({.keep_keys = {"@" + (folder / "empty.txt")}}, "keep_keys (0 keys)", "7");
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

/// What a selection is, by its definition.
Places brute_force(const Selection& selection, const std::vector<std::vector<Entry>>& shards,
                   double least_score) {
  const std::set<std::string> keep(selection.keep_keys.begin(), selection.keep_keys.end());
  const std::set<std::string> drop(selection.drop_keys.begin(), selection.drop_keys.end());
  Places left;
  for (std::uint64_t shard = 0; shard < shards.size(); ++shard) {
    if (shard < selection.shards_begin || shard >= selection.shards_end) continue;
    for (std::uint64_t i = 0; i < shards[shard].size(); ++i) {
      const Entry& entry = shards[shard][i];
      if (!selection.where.empty() && !(entry.score >= least_score)) continue;
      if (!keep.empty() && (entry.key.empty() || keep.count(entry.key) == 0)) continue;
      if (!entry.key.empty() && drop.count(entry.key) > 0) continue;
      left.emplace_back(shard, i);
    }
  }
  Places selected;
  for (std::uint64_t i = 0; i < left.size(); ++i) {
    if (i % selection.every == selection.every_offset) selected.push_back(left[i]);
  }
  return selected;
}

TEST_CASE("random selections of random shards are what their definition says, at any threads") {
  std::mt19937_64 random(11);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  std::size_t empty = 0;
  for (int round = 0; round < 400; ++round) {
    // Mostly small shards, that share blocks of the bitmap, and now and then a large one.
    std::vector<std::vector<Entry>> shards(1 + below(30));
    std::vector<std::string> keys;
    for (auto& shard : shards) {
      shard.resize(below(4) == 0 ? 0 : below(below(8) == 0 ? 3000 : 150));
      for (Entry& entry : shard) {
        if (below(20) == 0) continue;
        entry.key = std::to_string(keys.size());
        keys.push_back(entry.key);
        if (below(4) != 0) entry.score = static_cast<double>(below(10));
      }
    }
    const auto some_keys = [&] {
      std::vector<std::string> some = {"not there"};
      const std::uint64_t one_in = 1 + below(5);
      for (const std::string& key : keys) {
        if (below(one_in) == 0) some.push_back(key);
      }
      return some;
    };
    Selection selection;
    if (below(3) == 0) {
      selection.shards_begin = below(shards.size());
      selection.shards_end = selection.shards_begin + 1 + below(shards.size());
    }
    const auto least_score = static_cast<double>(below(10));
    if (below(2) == 0) selection.where = "score >= " + std::to_string(least_score);
    if (below(3) == 0) selection.keep_keys = some_keys();
    if (below(3) == 0) selection.drop_keys = some_keys();
    if (below(2) == 0) {
      selection.every = 1 + below(below(2) == 0 ? 4 : 300);
      selection.every_offset = below(selection.every);
    }
    const MemoryCatalog catalog(shards);
    const Places expected = brute_force(selection, shards, least_score);
    CAPTURE(round);
    if (expected.empty() && !selection.selects_all()) {
      ++empty;
      REQUIRE(contains(error_of(selection, catalog), "the selection is empty"));
      continue;
    }
    REQUIRE(select_places(selection, catalog) == expected);
    REQUIRE(select_places(selection, catalog, backwards_on_threads) == expected);
  }
  CHECK(empty < 200);
}

TEST_CASE("a selection is made from shards as they lie") {
  const test::TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int shard = 0; shard < 3; ++shard) {
    test::TarMembers members;
    for (int i = 0; i < 5; ++i) {
      const std::string key = std::to_string(shard) + std::to_string(i);
      const std::string score = i == 3 ? "" : ", \"score\": 0." + std::to_string(i);
      members.emplace_back(key + ".txt", "caption");
      members.emplace_back(key + ".json", "{\"width\": " + std::to_string(100 * i) + score + "}");
    }
    paths.push_back(folder / (std::to_string(shard) + ".tar"));
    test::write_file(paths.back(), test::make_tar(members));
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

TEST_CASE("expanded samples come once for each caption, whatever was selected before") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    std::vector<std::vector<Entry>> shards(1 + random() % 4);
    const std::uint64_t most = round % 10 == 0 ? 300 : 5;
    for (std::vector<Entry>& shard : shards) {
      for (std::uint64_t i = random() % 200; i > 0; --i) {
        Entry& entry = shard.emplace_back();
        entry.score = static_cast<double>(random() % 10);
        if (random() % 8 > 0) entry.texts = static_cast<double>(random() % most);
      }
    }
    const MemoryCatalog catalog(shards);
    Selection selection;
    if (random() % 2 == 0) selection.where = "score >= 3";
    if (random() % 2 == 0) selection.every = 1 + random() % 4;
    const auto before = SelectedSamples::select(selection, catalog, in_turn);
    if (!before || before->counts().total() == 0) continue;
    Places expected;
    std::vector<std::uint64_t> parts;
    for (const auto& [shard, index] : places_of(*before)) {
      const double texts = shards[shard][index].texts;
      for (std::uint64_t part = 0; part == 0 || static_cast<double>(part) < texts; ++part) {
        expected.emplace_back(shard, index);
        parts.push_back(part);
      }
    }
    selection.expand = "json:texts";
    CHECK_FALSE(selection.selects_all());
    const auto expanded = SelectedSamples::select(selection, catalog, backwards_on_threads);
    REQUIRE(expanded);
    CHECK(places_of(*expanded) == expected);
    bool parts_are_right = true;
    for (std::uint64_t number = 0; number < parts.size(); ++number) {
      const SampleId id = expanded->counts().locate(number);
      parts_are_right = parts_are_right && expanded->part(id) == parts[number];
    }
    CHECK(parts_are_right);
  }
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
