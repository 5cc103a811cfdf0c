#include "millrace/transforms/captions/captions.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "loader/json_shards.h"
#include "millrace/formats/field_selector.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/options_json.h"
#include "millrace/loader/state.h"
#include "millrace/loader/transform_json.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "refusal.h"
#include "text.h"

namespace millrace {
namespace {

using test::captions_of;
using test::choosing;
using test::contains;
using test::JsonShards;
using test::refusal_of;

/// The caption of one sample with this document.
std::string caption_of(const std::string& document, const Captions& captions,
                       const std::string& fields = "json:texts") {
  const JsonShards shards({{document}});
  LoaderOptions options = shards.options(captions, fields);
  options.on_bad_sample = OnBadSample::raise;
  try {
    return captions_of(options).front();
  } catch (const LoaderError& error) {
    return std::string(reason_name(error.error().reason)) + ": " + error.error().message;
  }
}

Captions from_templates(std::vector<std::string> templates) {
  Captions captions;
  captions.templates = std::move(templates);
  return captions;
}

}  // namespace

TEST_CASE("the first caption that is not empty is taken, and those passed over are counted") {
  const JsonShards shards({{R"({"texts": ["", "  ", "a dog", ""]})", R"({"texts": "a cat"})",
                            R"({"texts": ["a cow", "no"]})"}});
  Loader loader(shards.options({}));
  CHECK(captions_of(loader) == std::vector<std::string>{"a dog", "a cat", "a cow"});
  CHECK(loader.ledger().captions_dropped == 2);
  CHECK(contains(loader.ledger().to_json(), R"("captions_dropped":2)"));
}

TEST_CASE("a list that begins with nothing is not passed over for the next selector") {
  for (const char* texts : {R"([null, "a dog"])", R"([null, "", "a dog"])", R"([{}, "a dog"])"}) {
    CHECK(caption_of(std::string(R"({"title": "dogs", "texts": )") + texts + "}", {},
                     "json:texts;json:title") == "a dog");
  }
}

TEST_CASE("a sample whose captions are all empty is bad text, one without any lacks the field") {
  CHECK(caption_of(R"({"texts": ["", " \n"]})", {}) ==
        "bad_text: caption: no caption that is not empty");
  CHECK(contains(caption_of(R"({"texts": []})", {}), "missing_field: nothing for \"json:texts\""));
  CHECK(contains(caption_of(R"({"other": 1})", {}), "missing_field"));
  CHECK(contains(caption_of(R"({"texts": {"a": 1}})", {}), "bad_json"));
}

TEST_CASE("empty captions may be kept") {
  Captions captions;
  captions.empty = EmptyCaptions::keep;
  CHECK(caption_of(R"({"texts": ["", "a dog"]})", captions).empty());
  const Column column = text("txt", std::make_shared<const ClipTokenizer>(8), captions);
  std::vector<std::int64_t> ids(8);
  StageTimes times;
  REQUIRE(column.transform->make_writer()->write({}, std::as_writable_bytes(std::span(ids)), {},
                                                 times));
  CHECK(ids[0] == 49406);
  CHECK(ids[1] == 49407);
  const auto again = transform_from_json(column.transform->describe());
  CHECK(again->describe() == column.transform->describe());
}

TEST_CASE("a random caption is a function of seed, epoch and position alone") {
  std::vector<std::string> documents;
  for (int i = 0; i < 97; ++i) {
    const std::string n = std::to_string(i);
    documents.push_back(R"({"texts": [")" + n + R"(a", "", ")" + n + R"(b", ")" + n + R"(c"]})");
  }
  const JsonShards shards({documents});
  LoaderOptions options = shards.options(choosing(CaptionChoice::random));
  options.shuffle = true;
  options.seed = 5;
  const std::vector<std::string> reference = captions_of(options);
  REQUIRE(reference.size() == 97);
  CHECK(std::set<std::string>(reference.begin(), reference.end()).size() == 97);

  SUBCASE("not of threads and batches") {
    options.threads = 7;
    options.batch_size = 3;
    CHECK(captions_of(options) == reference);
  }
  SUBCASE("not of the world size") {
    for (const std::uint64_t world_size : {2U, 5U}) {
      for (std::uint64_t rank = 0; rank < world_size; ++rank) {
        options.rank = rank;
        options.world_size = world_size;
        const std::vector<std::string> mine = captions_of(options);
        for (std::size_t i = 0; i * world_size + rank < reference.size(); ++i) {
          CHECK(mine[i] == reference[i * world_size + rank]);
        }
      }
    }
  }
  SUBCASE("not of a resume") {
    Loader first(options);
    for (int i = 0; i < 4; ++i) first.next();
    options.batch_size = 5;
    Loader second(options);
    second.load_state(first.state());
    CHECK(captions_of(second) == std::vector<std::string>(reference.begin() + 32, reference.end()));
  }
  SUBCASE("but of seed and epoch") {
    options.shuffle = false;
    const std::vector<std::string> in_order = captions_of(options);
    options.epoch = 1;
    CHECK(captions_of(options) != in_order);
    options.epoch = 0;
    options.seed = 6;
    CHECK(captions_of(options) != in_order);
  }
  SUBCASE("and columns that choose alike choose the same") {
    options.columns.push_back({"again", options.columns.front().second});
    Loader loader(options);
    while (const std::optional<Batch> batch = loader.next()) {
      CHECK((*batch)["caption"].strings == (*batch)["again"].strings);
    }
  }
}

TEST_CASE("random captions are uniform among those that are not empty after clean-up") {
  Captions captions = choosing(CaptionChoice::random);
  captions.clean = {{"^http.*", ""}};
  const JsonShards shards({std::vector<std::string>(
      4000, R"({"texts": ["a", "", "b", "http://x", "c", "d", "https://y"]})")});
  LoaderOptions options = shards.options(captions);
  std::map<std::string, double> counts;
  for (const std::string& caption : captions_of(options)) counts[caption] += 1;
  REQUIRE(counts.size() == 4);
  double chi_square = 0;
  for (const auto& [caption, count] : counts) chi_square += (count - 1000) * (count - 1000) / 1000;
  CHECK(chi_square < 16.3);  // 3 degrees of freedom, 1 in 1,000
}

TEST_CASE("a selector is drawn by its probability, and others step in where it has nothing") {
  Captions captions;
  captions.weights = {{"json:never", 0}, {"json:rare", 1}, {"json:often", 3}};
  SUBCASE("in proportion") {
    const JsonShards shards({std::vector<std::string>(
        4000, R"({"never": "never", "rare": "rare", "often": ["often", "more"]})")});
    std::map<std::string, double> counts;
    for (const std::string& caption : captions_of(shards.options(captions))) counts[caption] += 1;
    CHECK(counts.size() == 2);
    CHECK(counts["rare"] == doctest::Approx(1000).epsilon(0.08));
    CHECK(counts["often"] == doctest::Approx(3000).epsilon(0.08));
  }
  SUBCASE("the others by descending probability") {
    for (int i = 0; i < 8; ++i) {
      CHECK(caption_of(R"({"never": "n", "rare": "r", "often": " "})", captions) == "r");
      CHECK(caption_of(R"({"never": "n", "often": []})", captions) == "n");
    }
  }
  SUBCASE("nothing anywhere") {
    CHECK(contains(caption_of(R"({"x": "n"})", captions), "missing_field"));
    CHECK(contains(caption_of(R"({"never": ""})", captions), "bad_text"));
  }
}

TEST_CASE("templates put fields of the sample into captions") {
  const std::string document =
      R"({"label": "dog", "meta": {"color": "brown"}, "size": 3, "e": " "})";
  const auto made = [&](const std::vector<std::string>& templates) {
    return caption_of(document, from_templates(templates), "");
  };
  CHECK(made({"a photo of {json:label}, {json:meta.color}"}) == "a photo of dog, brown");
  CHECK(made({"{json:size} {json:none;json:label}s"}) == "3 dogs");
  CHECK(made({"a {json:label}[ of {json:none}][, {json:meta.color}]"}) == "a dog, brown");
  CHECK(made({"a {json:label}[ of {json:e}]"}) == "a dog");
  CHECK(made({"{{[[{json:label}]]}}"}) == "{[dog]}");
  CHECK(made({"{json:none}!", "any {json:label}"}) == "any dog");
  CHECK(contains(made({"{json:none}!"}), "missing_field: no template is usable: nothing for"));
  CHECK(made({"{json:label} {json:e}"}) ==
        "missing_field: no template is usable: \"json:e\" is empty");
  CHECK(made({"key {__key__}"}) == "key 1");
}

TEST_CASE("clean-up replaces what patterns match, rule by rule") {
  Captions captions;
  captions.clean = {
      {R"(<[^>]*>)", ""}, {R"(\s+)", " "}, {R"((\w+) and (\w+))", R"(\2 & \1)"}, {"^ | $", ""}};
  CHECK(caption_of(R"({"texts": [" <b>cats</b>   and\n dogs "]})", captions) == "dogs & cats");
  captions.clean = {{"x*", "-"}};
  CHECK(caption_of(R"({"texts": ["axxb\u00e9"]})", captions) == "-a-b-\xc3\xa9-");
  captions.clean = {{"^$", "never"}, {".*", ""}};
  CHECK(caption_of(R"({"texts": ["", "b"]})", captions) ==
        "bad_text: caption: no caption that is not empty");
}

TEST_CASE("a caption that clean-up makes too long is bad text") {
  Captions captions;
  for (int i = 0; i < 12; ++i) captions.clean.push_back({".", R"(\0\0\0\0)"});
  CHECK(contains(caption_of(R"({"texts": ["abc"]})", captions),
                 "bad_text: caption: a caption is longer than"));
}

TEST_CASE("what is no template, pattern or probability is refused by name and value") {
  const auto refusal = [](const std::function<void(Captions&)>& change) {
    Captions captions;
    change(captions);
    return refusal_of([&] { captions.validate(); });
  };
  const auto of_template = [&](const std::string& text) {
    return refusal([&](Captions& captions) { captions.templates = {text}; });
  };
  CHECK(of_template("a {label}") == "none");
  CHECK(of_template("a {label") == "templates: \"a {label\": at byte 3: the brace is not closed");
  CHECK(contains(of_template("a } b"), "at byte 3"));
  CHECK(contains(of_template("[a]"), "holds no field"));
  CHECK(contains(of_template("[{a}[{b}]]"), "bracket"));
  CHECK(contains(of_template("[{a}"), "not closed"));
  CHECK(contains(of_template("{}"), "no field"));
  CHECK(contains(of_template(std::string(5000, 'a')), "5000 bytes"));
  const auto of_pattern = [&](const std::string& pattern, const std::string& replacement) {
    return refusal([&](Captions& captions) { captions.clean = {{pattern, replacement}}; });
  };
  CHECK(contains(of_pattern("(", ""), "clean: pattern \"(\""));
  CHECK(contains(of_pattern("a", R"(\1)"), "clean: replacement \"\\1\""));
  CHECK(contains(of_pattern("((((a{100}){100}){100}){100})", ""), "clean: pattern"));
  CHECK(contains(refusal([](Captions& c) { c.weights = {{"txt", -1}}; }), "weights[\"txt\"] = -1"));
  CHECK(contains(refusal([](Captions& c) { c.weights = {{"txt", 0}}; }), "weights"));
  CHECK(contains(refusal([](Captions& c) { c.weights = {{"txt", 1}, {"txt", 2}}; }), "twice"));
  CHECK(contains(refusal([](Captions& c) {
                   c.weights = {{"txt", 1}};
                   c.choice = CaptionChoice::all;
                 }),
                 "does not go with weights"));
  LoaderOptions options;
  options.sources = {"x.tar"};
  options.columns = {{"caption", raw("", from_templates({"{a;}"}))}};
  CHECK(contains(refusal_of([&] { options.validate(); }), "an alternative is empty"));
}

TEST_CASE("what changes captions is part of the state, and columns are made again from it") {
  const JsonShards shards({{R"({"texts": ["a", "b"], "x": "y"})"}});
  const Loader plain(shards.options({}));
  Captions captions = choosing(CaptionChoice::random);
  captions.weights = {{"json:texts", 0.5}, {"json:x", 0}};
  captions.clean = {{"\"a+\"", R"(\0)"}};
  Loader loader(shards.options(captions));
  const std::string refusal = refusal_of([&] { loader.load_state(plain.state()); });
  CHECK(contains(refusal, "columns.caption.captions"));

  CHECK(captions_to_json({}) == "{}");
  const std::string json =
      R"({"caption":{"fields":"json:texts","transform":{"type":"raw"},"captions":)" +
      captions_to_json(captions) + "}}";
  const Columns again = columns_from_json(json);
  REQUIRE(again.front().second.captions);
  CHECK(*again.front().second.captions == captions);
  const Columns text_column = columns_from_json(
      R"({"t":{"fields":"txt","transform":{"type":"tokens","tokenizer":{"type":"clip","context_length":77}}}})");
  CHECK(text_column.front().second.captions == Captions());
}

TEST_CASE("what stands in for a bad sample has the draw of its slot") {
  std::vector<std::string> documents(40, R"({"texts": ["a", "b", "c", "d"]})");
  const JsonShards good({documents});
  documents[7] = documents[8] = documents[21] = "{}";
  const JsonShards shards({documents});
  const Captions captions = choosing(CaptionChoice::random);
  CHECK(captions_of(shards.options(captions)) == captions_of(good.options(captions)));
}

TEST_CASE("formats and transforms agree on what is empty") {
  std::array<char, 4> bytes{};
  std::uint64_t spaces = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::size_t length = encode_utf8(c, bytes.data());
    const bool is_empty =
        is_empty_text({reinterpret_cast<const std::uint8_t*>(bytes.data()), length});
    if (is_empty != is_blank({bytes.data(), length})) {
      FAIL_CHECK("U+" << std::hex << static_cast<std::uint32_t>(c));
    }
    spaces += is_empty ? 1 : 0;
  }
  CHECK(spaces == 29);
}

}  // namespace millrace
