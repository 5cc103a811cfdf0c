#include <string>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/field_selector.h"
#include "millrace/formats/shard.h"
#include "tar_maker.h"

namespace {

TEST_CASE("reading samples and selecting fields allocates nothing once the buffers have grown") {
  if (!millrace::test::can_count_allocations()) return;
  millrace::test::TarMaker tar;
  const std::string folder = "a/folder/with/a/long/name/";
  for (int i = 0; i < 50; ++i) {
    const std::string key = folder + std::to_string(100000 + i);
    tar.pax({"path=" + key + ".segmentation.png"}).file("x", std::string(3000, 'p'));
    tar.file(key + ".json",
             R"({"meta": {"caption": "a long caption, longer than a short string"}})");
  }
  const auto shard = millrace::tar_shard(millrace::memory_source("m.tar", tar.end().bytes()));
  const auto index = shard->index();
  REQUIRE(index);
  const millrace::FieldSelector text("txt;json:meta.caption");
  const millrace::FieldSelector image("jpg;segmentation.png");
  millrace::FieldSelector::Scratch scratch;
  millrace::Sample sample;
  const auto pass = [&] {
    std::size_t good = 0;
    for (const std::uint64_t offset : index->sample_offsets) {
      if (!shard->read(offset, sample)) continue;
      if (text.select(sample, scratch) && image.select(sample, scratch)) ++good;
    }
    return good;
  };
  REQUIRE(pass() == 50);
  const std::size_t before = millrace::test::allocations_so_far();
  const std::size_t good = pass();
  const std::size_t after = millrace::test::allocations_so_far();
  CHECK(good == 50);
  CHECK(after - before == 0);
}

}  // namespace
