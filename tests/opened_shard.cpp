#include "opened_shard.h"

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "text.h"

namespace millrace::test {

std::shared_ptr<const Shard> opened(const std::string& path, const ReadOptions& options) {
  auto shard = open_shard(path, options);
  REQUIRE_MESSAGE(shard.has_value(), shard.error().to_string());
  return *shard;
}

std::string text_of(const Field* field) {
  return field == nullptr ? "<none>" : text_of(field->data);
}

std::string text_of(const Sample& sample, std::string_view field) {
  return text_of(sample.find(field));
}

void check_reading_allocates_nothing(const Shard& shard, std::size_t samples) {
  if (!can_count_allocations()) return;
  const auto index = shard.index();
  REQUIRE(index.has_value());
  Sample sample;
  // No check within: doctest's own allocations would be counted.
  const auto pass = [&] {
    std::size_t good = 0;
    const auto& offsets = index->sample_offsets;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (i + 1 < offsets.size()) (void)shard.will_need(offsets[i], offsets[i + 1]);
      if (shard.read(offsets[i], sample)) ++good;
      shard.done_with(sample);
    }
    return good;
  };
  REQUIRE(pass() == samples);
  const std::size_t before = allocations_so_far();
  const std::size_t good = pass();
  CHECK(allocations_so_far() == before);
  CHECK(good == samples);
}

}  // namespace millrace::test
