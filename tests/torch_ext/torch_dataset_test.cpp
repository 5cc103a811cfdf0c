#include "millrace/torch_ext/torch_dataset.h"

#include <sstream>

#include <torch/data/dataloader.h>
#include <torch/serialize.h>

#include <doctest/doctest.h>

#include "loader/shards.h"

namespace millrace::torch_ext {
namespace {

using test::Shards;

std::int64_t sum_of_epoch(torch::data::StatefulDataLoader<TorchDataset>& loader) {
  std::int64_t sum = 0;
  for (TensorBatch& batch : loader) sum += batch["n"].sum().item<std::int64_t>();
  return sum;
}

TEST_CASE("torch::data runs over the loader as over any stateful dataset, epoch after epoch") {
  const Shards shards({30, 20});
  for (const std::size_t workers : {0, 1, 3}) {
    const auto loader = torch::data::make_data_loader(
        TorchDataset(shards.options()), torch::data::DataLoaderOptions(8).workers(workers));
    CHECK(sum_of_epoch(*loader) == 49 * 50 / 2);
    CHECK(sum_of_epoch(*loader) == 49 * 50 / 2);
  }
}

TEST_CASE("a batch size that is not the loader's is refused") {
  const Shards shards({30});
  TorchDataset dataset(shards.options());
  CHECK(dataset.size() == 30);
  CHECK_THROWS_AS(dataset.get_batch(7), std::invalid_argument);
}

TEST_CASE("torch's archives carry the state") {
  const Shards shards({64});
  TorchDataset first(shards.options());
  static_cast<void>(first.get_batch(8));
  torch::serialize::OutputArchive out;
  first.save(out);
  std::stringstream stream;
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  TorchDataset second(shards.options());
  second.load(in);
  second.reset();
  CHECK((*second.get_batch(8))["n"][0].item<std::int64_t>() == 8);
}

}  // namespace
}  // namespace millrace::torch_ext
