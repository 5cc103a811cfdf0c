#include "millrace/loader/options.h"

#include <doctest/doctest.h>

#include "millrace/loader/options_json.h"
#include "refusal.h"

namespace millrace {
namespace {

LoaderOptions valid() {
  LoaderOptions options;
  options.sources = {"a.tar"};
  options.columns = {{"caption", raw("txt")}};
  return options;
}

template <typename Change>
std::string refusal(Change change) {
  LoaderOptions options = valid();
  change(options);
  return test::refusal_of([&] { options.validate(); });
}

TEST_CASE("an option out of range is refused by name and value") {
  CHECK(refusal([](LoaderOptions&) {}) == "none");
  CHECK(refusal([](LoaderOptions& o) { o.sources.clear(); }).find("sources") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.batch_size = 0; }).find("batch_size = 0") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.rank = 2; }).find("rank = 2") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.world_size = 0; }).find("world_size = 0") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.prefetch_batches = 0; }).find("prefetch_batches = 0") ==
        0);
  CHECK(refusal([](LoaderOptions& o) { o.shuffle_window = 0; }).find("shuffle_window = 0") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.error_budget.share = 1.5; }).find("error_budget.share") ==
        0);
  CHECK(refusal([](LoaderOptions& o) { o.columns.clear(); }).find("columns") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.columns.push_back(o.columns[0]); }).find("columns") == 0);
  CHECK(refusal([](LoaderOptions& o) { o.columns[0].second.fields = ";"; }) != "none");
}

TEST_CASE("options come out of JSON under their own names") {
  const LoaderOptions options = options_from_json(R"({
    "sources": ["a.tar", "b.tar"], "batch_size": 32, "shuffle": true, "shuffle_window": 9, "seed": 7,
    "epoch": 3, "rank": 1, "world_size": 4, "drop_last": true, "on_bad_sample": "skip",
    "error_budget": {"share": 0.5, "consecutive": 3}, "threads": 2, "prefetch_batches": 5,
    "read_ahead_bytes": 100, "unpacked_cache_bytes": 7, "pin_memory": false,
    "columns": {
      "image": {"type": "image", "fields": "png", "transform": {"type": "clip_image", "size": 64}},
      "text": {"type": "text", "fields": "txt", "tokenizer": {"type": "clip", "context_length": 32}},
      "key": {"type": "raw", "fields": "__key__"},
      "width": {"type": "number", "fields": "json:width", "dtype": "int64"}}})");
  CHECK(options.sources == std::vector<std::string>{"a.tar", "b.tar"});
  CHECK(options.batch_size == 32);
  CHECK(options.shuffle);
  CHECK(options.shuffle_window == 9);
  CHECK(options.seed == 7);
  CHECK(options.epoch == 3);
  CHECK(options.rank == 1);
  CHECK(options.world_size == 4);
  CHECK(options.drop_last);
  CHECK(options.on_bad_sample == OnBadSample::skip);
  CHECK(options.error_budget.share == 0.5);
  CHECK(options.error_budget.consecutive == 3);
  CHECK(options.threads == 2);
  CHECK(options.prefetch_batches == 5);
  CHECK(options.read_ahead_bytes == 100);
  CHECK(options.unpacked_cache_bytes == 7);
  CHECK(options.pin_memory == PinMemory::off);
  REQUIRE(options.columns.size() == 4);
  CHECK(options.columns[0].first == "image");
  CHECK(options.columns[0].second.transform->output().shape ==
        std::vector<std::int64_t>{3, 64, 64});
  CHECK(options.columns[1].second.transform->output().shape == std::vector<std::int64_t>{32});
  CHECK(options.columns[2].second.transform->output().dtype == Dtype::bytes);
  CHECK(options.columns[3].second.transform->output().dtype == Dtype::int64);
}

TEST_CASE("a mixture, a selection and what goes with them come out of JSON") {
  const LoaderOptions options = options_from_json(R"({
    "mixture": [
      {"name": "a", "sources": ["a.tar", "b.tar"], "weight": 2.5},
      {"sources": "c.tar", "weight": 1, "select": {"every": 3, "every_offset": 1}}],
    "temperature": 2, "stop_at": "last_exhausted", "shuffle_window": "2KiB", "use_index": false,
    "ledger_path": "ledger-{rank}.jsonl"})");
  REQUIRE(options.mixture.size() == 2);
  CHECK(options.mixture[0].name == "a");
  CHECK(options.mixture[0].sources == std::vector<std::string>{"a.tar", "b.tar"});
  CHECK(options.mixture[0].weight == 2.5);
  CHECK(options.mixture[1].select.every == 3);
  CHECK(options.mixture[1].select.every_offset == 1);
  CHECK(options.all_sources()[1].name == "c.tar");
  CHECK(options.temperature == 2);
  CHECK(options.stop_at == StopAt::last_exhausted);
  CHECK(options.shuffle_window_bytes == 2048);
  CHECK_FALSE(options.use_index);
  CHECK(options.ledger_path == "ledger-{rank}.jsonl");

  const LoaderOptions single = options_from_json(R"({
    "sources": "a.tar", "samples_per_epoch": 1000, "select": {"shards": [2, 5],
    "where": "json:width >= 64", "keep_keys": "@keep.txt", "drop_keys": ["a", "b"]}})");
  CHECK(single.samples_per_epoch == 1000);
  CHECK(single.select.shards_begin == 2);
  CHECK(single.select.shards_end == 5);
  CHECK(single.select.where == "json:width >= 64");
  CHECK(single.select.keep_keys == std::vector<std::string>{"@keep.txt"});
  CHECK(single.select.drop_keys == std::vector<std::string>{"a", "b"});
  CHECK(options_from_json(R"({"mixture": [{"sources": "a", "samples_per_epoch": 7}]})")
            .mixture[0]
            .samples_per_epoch == 7);
}

TEST_CASE("what streams need comes out of JSON") {
  const LoaderOptions options = options_from_json(R"({"sources": "pipe:cat a.tar",
    "streaming": true, "allow_commands": true, "shuffle_window_bytes": 4096})");
  CHECK(options.streaming);
  CHECK(options.allow_commands);
  CHECK(options.shuffle_window_bytes == 4096);
  CHECK_FALSE(options_from_json(R"({"sources": "a.tar"})").allow_commands);
}

TEST_CASE("an unknown key is refused with the nearest known one") {
  CHECK_THROWS_WITH_AS(options_from_json(R"({"shufle": true})"),
                       R"(unknown option "shufle"; the nearest known one is "shuffle")",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(options_from_json(R"({"batchsize": 3})"),
                       doctest::Contains("\"batchsize\"; the nearest known one is \"batch_size\""),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      options_from_json(R"({"columns": {"t": {"type": "raw", "fields": "a", "field": "b"}}})"),
      doctest::Contains("columns.t: unknown option \"field\""), std::invalid_argument);
}

TEST_CASE("a wrong type is refused by name, value and what it should be") {
  for (const char* text : {R"({"batch_size": "3"})",
                           R"({"batch_size": -1})",
                           R"({"shuffle": 1})",
                           R"({"sources": 3})",
                           R"({"columns": []})",
                           R"({"on_bad_sample": "ignore"})",
                           R"({"pin_memory": 2})",
                           R"({"mixture": {}})",
                           R"({"mixture": [1]})",
                           R"({"stop_at": "never"})",
                           R"({"mixture": [{"weight": "2"}]})",
                           R"({"temperature": "1"})",
                           R"({"select": []})",
                           R"({"select": {"shards": [1]}})",
                           R"({"select": {"shards": [-1, 2]}})",
                           R"({"samples_per_epoch": -1})",
                           R"({"shuffle_window": "0KiB"})",
                           R"({"shuffle_window": "many"})",
                           R"({"ledger_path": 1})",
                           R"({"use_index": "no"})",
                           "[]",
                           "{"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(options_from_json(text), std::invalid_argument);
  }
}

}  // namespace
}  // namespace millrace
