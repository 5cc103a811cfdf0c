#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "loader/shards.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::Shards;

/// Allocations a batch in steady state.
double allocations_a_batch(const Shards& shards, std::size_t batch_size) {
  LoaderOptions options = shards.options();
  options.columns = {{"n", number("num", Dtype::int64)},
                     {"text", text("txt", std::make_shared<const ClipTokenizer>())}};
  options.shuffle = true;
  options.batch_size = batch_size;
  Loader loader(options);
  while (loader.next()) {  // a whole epoch, so that all scratch has grown
  }
  const std::size_t before = test::allocations_so_far();
  std::size_t batches = 0;
  while (loader.next()) ++batches;
  return static_cast<double>(test::allocations_so_far() - before) / static_cast<double>(batches);
}

TEST_CASE("in steady state a batch allocates a few objects of its own, and a sample nothing") {
  if (!test::can_count_allocations()) return;
  const Shards shards({512, 512, 512, 512});
  const double small = allocations_a_batch(shards, 16);
  const double large = allocations_a_batch(shards, 256);
  MESSAGE("allocations a batch of 16: " << small << ", of 256: " << large);
  CHECK(large < small + 16);
  CHECK(large < 64);
}

}  // namespace
}  // namespace millrace
