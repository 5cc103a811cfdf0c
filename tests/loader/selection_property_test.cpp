// Random selections of random shards, against their definition.

#include "millrace/loader/selection.h"

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "loader/memory_catalog.h"
#include "text.h"

namespace millrace {
namespace {

using test::backwards_on_threads;
using test::contains;
using test::Entry;
using test::error_of;
using test::in_turn;
using test::MemoryCatalog;
using test::Places;
using test::places_of;
using test::select_places;

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

}  // namespace
}  // namespace millrace
