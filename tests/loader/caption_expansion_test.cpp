// A sample for each of its captions.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "loader/json_shards.h"
#include "loader/random_rounds.h"
#include "millrace/loader/loader.h"
#include "refusal.h"
#include "scratch_folder.h"
#include "text.h"

namespace millrace {
namespace {

using test::captions_of;
using test::choosing;
using test::contains;
using test::JsonShards;
using test::refusal_of;
using test::ScratchFolder;

/// `samples` documents with 0 to 4 captions each, "SAMPLE.NUMBER", and empty ones among them.
struct RandomCaptions {
  RandomCaptions(Random& random, std::size_t shards, std::size_t most) {
    std::size_t number = 0;
    for (std::size_t shard = 0; shard < shards; ++shard) {
      documents.emplace_back();
      for (std::size_t i = random.size(most); i > 0; --i, ++number) {
        std::string texts;
        std::size_t kept = 0;
        for (std::size_t text = random.below(5); text > 0; --text) {
          if (!texts.empty()) texts += ", ";
          if (random.one_in(4)) {
            texts += random.one_in(2) ? R"("")" : R"(" \t\u3000")";
            ++empty;
          } else {
            all.insert(std::to_string(number) + "." + std::to_string(++kept));
            texts += "\"" + *all.find(std::to_string(number) + "." + std::to_string(kept)) + "\"";
          }
        }
        without += kept == 0 ? 1 : 0;
        if (kept == 0)
          empty_of_none +=
              static_cast<std::size_t>(std::count(texts.begin(), texts.end(), '"') / 2);
        documents.back().push_back(R"({"texts": [)" + texts + "]}");
        ++samples;
      }
    }
  }

  std::vector<std::vector<std::string>> documents;  // by shard
  std::multiset<std::string> all;                   // captions that are not empty
  std::size_t samples = 0;
  std::size_t without = 0;        // samples, a caption
  std::size_t empty = 0;          // captions
  std::size_t empty_of_none = 0;  // captions of samples without another
};

TEST_CASE("every caption is delivered once an epoch, over a resume") {
  for_random_rounds(20, [](Random& random) {
    const RandomCaptions data(random, random.in(1, 3), 40);
    if (data.samples == data.without) return;
    const JsonShards shards(data.documents);
    LoaderOptions options = shards.options(choosing(CaptionChoice::all));
    options.shuffle = random.one_in(2);
    options.shuffle_window = random.size(64);
    options.on_bad_sample = OnBadSample::skip;
    options.error_budget.share = 1;
    options.batch_size = random.in(1, 9);
    const std::size_t expected = data.all.size() + data.without;

    std::multiset<std::string> delivered;
    std::string state;
    std::uint64_t dropped = 0;
    const auto take = [&](std::uint64_t batches) {
      Loader loader(options);
      CHECK(loader.samples() == expected);
      if (!state.empty()) loader.load_state(state);
      for (; batches > 0; --batches) {
        const std::optional<Batch> batch = loader.next();
        if (!batch) break;
        const std::vector<std::string>& strings = (*batch)["caption"].strings;
        delivered.insert(strings.begin(),
                         strings.begin() + static_cast<std::ptrdiff_t>(batch->size));
      }
      const Ledger ledger = loader.ledger();
      dropped += ledger.captions_dropped;
      if (batches > 0) CHECK(ledger.accounted() == ledger.expected);
      state = loader.state();
    };
    take(random.below(4));
    options.threads = random.in(1, 4);
    options.batch_size = random.in(1, 9);
    take(UINT64_MAX);
    CHECK(delivered == data.all);
    CHECK(dropped == data.empty - data.empty_of_none);
  });
}

TEST_CASE("ranks share the expanded samples out") {
  const JsonShards shards({{R"({"texts": ["a", "b", "c"]})", R"({"texts": ["d"]})",
                            R"({"texts": []})", "no JSON", R"({"texts": ["e", "f", "g", "h"]})"}});
  LoaderOptions options = shards.options(choosing(CaptionChoice::all));
  options.on_bad_sample = OnBadSample::skip;
  options.error_budget.share = 1;
  options.shuffle = true;
  options.batch_size = 5;
  options.world_size = 2;
  std::multiset<std::string> delivered;
  std::map<std::string, std::uint64_t> skipped;
  for (options.rank = 0; options.rank < 2; ++options.rank) {
    Loader loader(options);
    CHECK(loader.samples() == 10);
    for (const std::string& caption : captions_of(loader)) delivered.insert(caption);
    const Ledger ledger = loader.ledger();
    CHECK(ledger.expected == 5);
    CHECK(ledger.accounted() == 5);
    for (const auto& [reason, count] : ledger.skipped) skipped[reason] += count;
  }
  CHECK(delivered == std::multiset<std::string>{"a", "b", "c", "d", "e", "f", "g", "h"});
  CHECK(skipped == std::map<std::string, std::uint64_t>{{"bad_json", 1}, {"missing_field", 1}});
}

TEST_CASE("an expansion goes with its column, a selection, and no stream") {
  const JsonShards shards({{R"({"texts": ["a", "b"], "n": 1})", R"({"texts": ["c", "d"], "n": 2})",
                            R"({"texts": ["e"], "n": 3})"}});
  LoaderOptions options = shards.options(choosing(CaptionChoice::all));
  options.columns.push_back({"n", number("json:n", Dtype::int64)});
  CHECK(options.all_sources().front().select.expand == "json:texts");
  options.select.where = "n >= 2";
  CHECK(captions_of(options) == std::vector<std::string>{"c", "d", "e"});
  options.select.where = "";
  options.select.every = 2;
  CHECK(captions_of(options) == std::vector<std::string>{"a", "b", "e"});
  Loader loader(options);
  CHECK(contains(loader.state(), R"("expand":"json:texts")"));

  options.select.expand = "json:other";
  CHECK(contains(refusal_of([&] { options.validate(); }), "select.expand = \"json:other\""));
  options.select = {};
  options.columns.push_back({"other", raw("json:other", choosing(CaptionChoice::all))});
  CHECK(contains(refusal_of([&] { options.validate(); }), "columns = \"other\""));
  options.columns.pop_back();
  options.streaming = true;
  CHECK(contains(refusal_of([&] { options.validate(); }), "needs an index"));
}

TEST_CASE("the number of captions is kept in an index") {
  ScratchFolder cache;
  const JsonShards shards({{R"({"texts": ["a", "b"]})", R"({"texts": "c"})"}, {}});
  LoaderOptions options = shards.options(choosing(CaptionChoice::all));
  setenv("MILLRACE_CACHE_DIR", cache.path().c_str(), 1);
  options.use_index = true;
  CHECK(captions_of(options) == std::vector<std::string>{"a", "b", "c"});
  CHECK(std::filesystem::exists(cache.path()));
  CHECK(captions_of(options) == std::vector<std::string>{"a", "b", "c"});
  unsetenv("MILLRACE_CACHE_DIR");
}

}  // namespace
}  // namespace millrace
