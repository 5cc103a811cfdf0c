#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include "loader/shards.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/transform_json.h"
#include "scratch_folder.h"

namespace millrace {
namespace {

namespace json = boost::json;

using test::drain;
using test::ScratchFolder;
using test::Shards;

// The lines of a ledger, each of which must be whole.
std::vector<json::object> lines_of(const std::string& path) {
  std::vector<json::object> lines;
  std::ifstream in(path);
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(json::parse(line).as_object());
  }
  return lines;
}

std::vector<json::object> events(const std::string& path, std::string_view event) {
  std::vector<json::object> found;
  for (json::object& line : lines_of(path)) {
    if (line.at("event").as_string() == event) found.push_back(std::move(line));
  }
  return found;
}

TEST_CASE("what was handed over is in the ledger's file at once: place, reason and outcome") {
  const Shards shards({10, 20}, {2, 12});
  const ScratchFolder folder;
  LoaderOptions options = shards.options();
  options.ledger_path = folder.path("ledger");
  Loader loader(options);
  CHECK(events(options.ledger_path, "bad_sample").empty());  // only prefetched
  static_cast<void>(loader.next());
  const auto first = events(options.ledger_path, "bad_sample");
  REQUIRE(first.size() == 1);
  const json::object& bad = first.front();
  CHECK(bad.at("position").to_number<int>() == 2);
  CHECK(bad.at("shard").as_string() == shards.paths()[0].c_str());
  CHECK(bad.at("source").as_string() == shards.paths()[0].c_str());
  CHECK(bad.at("index").to_number<int>() == 2);
  CHECK(bad.at("offset").to_number<int>() == 2 * 2048);
  CHECK(bad.at("key").as_string() == "000002");
  CHECK(bad.at("reason").as_string() == "bad_number");
  CHECK(bad.at("outcome").as_string() == "substituted");
  CHECK(bad.at("stand_in").at("index").to_number<int>() == 3);
  static_cast<void>(drain(loader));
  const auto lines = lines_of(options.ledger_path);
  REQUIRE(lines.size() == 4);
  const json::object& begin = lines.front();
  CHECK(begin.at("event").as_string() == "epoch");
  CHECK(begin.at("expected").to_number<int>() == 30);
  const json::value& columns = begin.at("fingerprint").at("columns");
  CHECK(columns_from_json(json::serialize(columns)).size() == 2);
  const json::value& end = lines.back().at("ledger");
  CHECK(end.at("delivered").to_number<int>() == 28);
  CHECK(end.at("shards").at(shards.paths()[1]).at("expected").to_number<int>() == 20);
}

TEST_CASE("every rank has a ledger of its own, or all write to one") {
  const Shards shards({40}, {1, 2, 3});
  const ScratchFolder folder;
  for (const std::string name : {"ledger-{rank}", "shared"}) {
    for (std::uint64_t rank = 0; rank < 2; ++rank) {
      LoaderOptions options = shards.options();
      options.ledger_path = folder.path(name);
      options.world_size = 2;
      options.rank = rank;
      Loader loader(options);
      static_cast<void>(drain(loader));
    }
  }
  CHECK(events(folder.path("ledger-0"), "bad_sample").size() == 1);
  CHECK(events(folder.path("ledger-1"), "bad_sample").size() == 2);
  CHECK(events(folder.path("shared"), "bad_sample").size() == 3);
  CHECK(events(folder.path("shared"), "end").size() == 2);
}

TEST_CASE("after a resume from an older state the same positions come again, behind the others") {
  const Shards shards({40}, {9, 17});
  const ScratchFolder folder;
  LoaderOptions options = shards.options();
  options.ledger_path = folder.path("ledger");
  std::string older;
  {
    Loader first(options);
    static_cast<void>(first.next());
    older = first.state();
    static_cast<void>(first.next());
    static_cast<void>(first.next());
  }
  Loader second(options);
  second.load_state(older);
  static_cast<void>(drain(second));
  std::vector<int> positions;
  for (const json::object& bad : events(options.ledger_path, "bad_sample")) {
    positions.push_back(bad.at("position").to_number<int>());
  }
  CHECK(positions == std::vector<int>{9, 17, 9, 17});
  const auto epochs = events(options.ledger_path, "epoch");
  CHECK(epochs.size() ==
        2);  // one for each loader, although loading the state began its epoch anew
  CHECK(epochs.back().at("position").to_number<int>() == 8);
  CHECK(epochs.back().at("expected").to_number<int>() == 32);
}

TEST_CASE("a line that a dying process left torn does not swallow the next one") {
  const Shards shards({10}, {1});
  const ScratchFolder folder;
  LoaderOptions options = shards.options();
  options.ledger_path = folder.path("ledger");
  test::write_file(options.ledger_path, "{\"event\":\"bad_sam");
  Loader loader(options);
  static_cast<void>(drain(loader));
  std::ifstream in(options.ledger_path);
  std::string line;
  REQUIRE(std::getline(in, line));
  CHECK(line == "{\"event\":\"bad_sam");
  std::size_t whole = 0;
  while (std::getline(in, line)) whole += json::parse(line).is_object() ? 1 : 0;
  CHECK(whole == 3);
}

TEST_CASE("a ledger that cannot be written is an error that names it, not a silent gap") {
  const Shards shards({10}, {1});
  const ScratchFolder folder;
  LoaderOptions options = shards.options();
  options.ledger_path = folder.path("absent") + "/ledger";
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("ledger_path: cannot open"), LoaderError);
  if (std::ifstream("/dev/full").good()) {
    options.ledger_path = "/dev/full";  // a disk without space
    Loader loader(options);
    CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("ledger_path: cannot write"),
                         LoaderError);
    CHECK(loader.ledger().accounted() == 0);
  }
}

TEST_CASE("what a transform says of itself makes it again, and nothing else is taken for one") {
  Columns columns = clip_columns(64);
  columns.emplace_back("pixels", image("png", clip_pixels(96, {.max_image_pixels = 5000})));
  columns.emplace_back("raw", raw("__key__"));
  columns.emplace_back("width", number("json:width", Dtype::float32));
  for (const auto& [name, column] : columns) {
    const std::string description = column.transform->describe();
    const auto again = transform_from_json(description);
    CHECK(again->describe() == description);
    CHECK(again->output().shape == column.transform->output().shape);
    CHECK(again->output().dtype == column.transform->output().dtype);
  }
  for (
      const char* text :
      {"", "[]", "{}", R"({"type":"other"})", R"({"type":"raw","more":1})", R"({"type":"number"})",
       R"({"type":"number","dtype":"bytes"})", R"({"type":"tokens"})",
       R"({"type":"clip_pixels","size":0,"max_image_pixels":1,"max_jpeg_scans":1})",
       R"({"type":"clip_image","size":64,"max_image_pixels":1,"max_jpeg_scans":1,"mean":[0,0,0]})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(transform_from_json(text), std::invalid_argument);
  }
  CHECK_THROWS_AS(columns_from_json(R"({"a":{"fields":"x"}})"), std::invalid_argument);
}

}  // namespace
}  // namespace millrace
