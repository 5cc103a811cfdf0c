#include "millrace/torch_ext/data_loader.h"

#include <set>

#include <ATen/DeviceAccelerator.h>
#include <ATen/Functions.h>

#include <doctest/doctest.h>

#include "loader/shards.h"

namespace millrace::torch_ext {
namespace {

using test::Shards;

std::vector<std::int64_t> numbers(const TensorBatch& batch) {
  const at::Tensor& n = batch["n"];
  const auto* values = n.const_data_ptr<std::int64_t>();
  return {values, values + n.numel()};
}

TEST_CASE("a range-for gives tensors of the columns' dtypes and shapes, an epoch a loop") {
  const Shards shards({21});
  LoaderOptions options = shards.options();
  options.columns.emplace_back("caption_length", number("num", Dtype::float32));
  const auto loader = make_data_loader(options);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::int64_t next = 0;
    for (const auto& batch : *loader) {
      CHECK((batch["n"].scalar_type() == at::kLong));  // doctest cannot print the type
      CHECK(
          (batch["caption_length"].scalar_type() == at::kFloat));  // doctest cannot print the type
      CHECK(batch["n"].dim() == 1);
      CHECK(batch["n"].size(0) == static_cast<std::int64_t>(batch.size()));
      CHECK(batch.strings("caption").at(0) == "caption " + std::to_string(next));
      for (const std::int64_t n : numbers(batch)) CHECK(n == next++);
    }
    CHECK(next == 21);
    CHECK(loader->epoch() == static_cast<std::uint64_t>(epoch + 1));
  }
}

TEST_CASE("a tensor keeps its memory after the batch and the loader are gone") {
  const Shards shards({8});
  at::Tensor n;
  {
    const auto loader = make_data_loader(shards.options());
    for (const auto& batch : *loader) n = batch["n"];
  }
  CHECK(n.sum().item<std::int64_t>() == 28);
}

TEST_CASE("a view of a batch keeps the whole batch from being recycled") {
  const Shards shards({400});
  const auto loader = make_data_loader(shards.options());
  std::vector<at::Tensor> views;
  std::vector<std::int64_t> firsts;
  for (const auto& batch : *loader) {
    views.push_back(batch["n"][0]);
    firsts.push_back(numbers(batch)[0]);
  }
  for (std::size_t i = 0; i < views.size(); ++i) CHECK(views[i].item<std::int64_t>() == firsts[i]);
}

TEST_CASE("batch memory is recycled between batches") {
  const Shards shards({800});
  const auto loader = make_data_loader(shards.options());
  std::set<const void*> blocks;
  for (const auto& batch : *loader) blocks.insert(batch["n"].const_data_ptr());
  CHECK(blocks.size() <= loader->options().prefetch_batches + 2);
}

TEST_CASE("a state taken in one loader goes on in another") {
  const Shards shards({64});
  const auto first = make_data_loader(shards.options());
  static_cast<void>(first->next());
  const auto second = make_data_loader(shards.options());
  second->load_state(first->state());
  for (const auto& batch : *second) {
    CHECK(numbers(batch)[0] == 8);
    break;
  }
}

TEST_CASE("pinning without an accelerator is refused, and automatic where there is one") {
  const Shards shards({8});
  LoaderOptions options = shards.options();
  options.pin_memory = PinMemory::on;
  if (!at::getAccelerator(false).has_value() || at::accelerator::deviceCount() == 0) {
    CHECK_THROWS_WITH_AS(make_data_loader(options), doctest::Contains("pin_memory"),
                         std::invalid_argument);
    return;
  }
  const auto loader = make_data_loader(options);
  for (const auto& batch : *loader) CHECK(batch["n"].is_pinned());
}

TEST_CASE("asking for a column that is not there says what there is") {
  const Shards shards({8});
  const auto loader = make_data_loader(shards.options());
  const auto batch = loader->next();
  CHECK_THROWS_WITH_AS((*batch)["image"], doctest::Contains("it has n"), std::out_of_range);
  CHECK_THROWS_WITH_AS(batch->strings("n"), doctest::Contains("it has caption"), std::out_of_range);
}

}  // namespace
}  // namespace millrace::torch_ext
