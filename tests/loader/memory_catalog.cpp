#include "loader/memory_catalog.h"

#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

namespace millrace::test {

Result<std::vector<double>> MemoryCatalog::numbers(std::size_t shard,
                                                   std::string_view field) const {
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

Result<std::vector<std::uint64_t>> MemoryCatalog::key_hashes(std::size_t shard) const {
  std::vector<std::uint64_t> hashes;
  for (const Entry& entry : shards_[shard]) {
    hashes.push_back(entry.key.empty() ? 0 : key_hash(entry.key));
  }
  return hashes;
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

Places places_of(const SelectedSamples& selected) {
  Places places;
  for (std::uint64_t number = 0; number < selected.counts().total(); ++number) {
    const SampleId id = selected.counts().locate(number);
    places.emplace_back(id.shard, selected.index_in_shard(id));
  }
  return places;
}

Places select_places(const Selection& selection, const ShardCatalog& catalog,
                     const ParallelFor& parallel_for) {
  const auto selected = SelectedSamples::select(selection, catalog, parallel_for);
  REQUIRE_MESSAGE(selected.has_value(), selected.error().to_string());
  CHECK(selected->counts().shards() == catalog.shards());
  return places_of(*selected);
}

std::string error_of(const Selection& selection, const ShardCatalog& catalog) {
  const auto selected = SelectedSamples::select(selection, catalog, backwards_on_threads);
  return selected ? "none" : selected.error().to_string();
}

}  // namespace millrace::test
