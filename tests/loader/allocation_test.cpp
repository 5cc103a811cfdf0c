#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "loader/json_shards.h"
#include "loader/shards.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::Shards;

/// Allocations a batch in steady state. Buffers grow in the first epoch, on a loaded machine also
/// in a later one: a worker's, when the system lets it have its first long sample only then, or the
/// queue's, when the reader is held up for longer than ever before. That ends, while what every
/// sample allocates is there in each epoch: the least of several epochs is what a batch needs.
double allocations_a_batch(LoaderOptions options, std::size_t batch_size) {
  constexpr int kEpochs = 6;
  options.batch_size = batch_size;
  Loader loader(options);
  while (loader.next()) {
  }
  double least = std::numeric_limits<double>::infinity();
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const std::size_t before = test::allocations_so_far();
    std::size_t batches = 0;
    while (loader.next()) ++batches;
    const std::size_t allocations = test::allocations_so_far() - before;
    least = std::min(least, static_cast<double>(allocations) / static_cast<double>(batches));
  }
  return least;
}

/// One allocation a sample would be 112 more for the larger batches.
void check_samples_allocate_nothing(const LoaderOptions& options) {
  const double small = allocations_a_batch(options, 16);
  const double large = allocations_a_batch(options, 128);
  MESSAGE("allocations a batch of 16: " << small << ", of 128: " << large);
  CHECK(large < small + 16);
  CHECK(large < 64);
}

TEST_CASE("in steady state a batch allocates a few objects of its own, and a sample nothing") {
  if (!test::can_count_allocations()) return;
  const Shards shards({512, 512, 512, 512});
  LoaderOptions options = shards.options();
  options.columns = {{"n", number("num", Dtype::int64)},
                     {"text", text("txt", std::make_shared<const ClipTokenizer>())}};
  options.shuffle = true;
  check_samples_allocate_nothing(options);
}

TEST_CASE("choosing, templates and clean-up allocate nothing per sample in steady state") {
  if (!test::can_count_allocations()) return;
  const test::JsonShards shards({std::vector<std::string>(
      1024,
      R"({"texts": ["a  dog with a long name and a long tail", "", "two  cats"], "label": "dog"})")});
  Captions with_templates;
  with_templates.templates = {"a photo of {json:label}[ {json:none}]", "{json:none}",
                              "one {json:label}"};
  for (Captions captions : {test::choosing(CaptionChoice::random),
                            test::choosing(CaptionChoice::all), with_templates}) {
    captions.clean = {{R"(\s+)", " "}, {"[^a-z ]", ""}};
    LoaderOptions options = shards.options(captions);
    options.columns = {
        {"text", text("json:texts", std::make_shared<const ClipTokenizer>(), captions)}};
    check_samples_allocate_nothing(options);
  }
}

}  // namespace
}  // namespace millrace
