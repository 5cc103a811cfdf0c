#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <torch/data/datasets/stateful.h>
#include <torch/serialize/archive.h>

#include "millrace/torch_ext/data_loader.h"

namespace millrace::torch_ext {

/// A DataLoader as a torch::data dataset, for code that is written against torch::data:
///
///     auto loader = torch::data::make_data_loader(
///         torch_ext::TorchDataset(options), torch::data::DataLoaderOptions(options.batch_size));
///     for (TensorBatch& batch : *loader) ...
///
/// torch's batch size must be the loader's, and its `workers` 0 or 1: millrace has the threads.
/// Copies share one loader.
class TorchDataset : public torch::data::datasets::StatefulDataset<TorchDataset, TensorBatch> {
 public:
  explicit TorchDataset(LoaderOptions options) : loader_(make_data_loader(std::move(options))) {}
  explicit TorchDataset(std::shared_ptr<DataLoader> loader) : loader_(std::move(loader)) {}

  std::optional<TensorBatch> get_batch(std::size_t batch_size) override {
    if (batch_size != loader_->options().batch_size) {
      throw std::invalid_argument("torch::data asks for batches of " + std::to_string(batch_size) +
                                  ", and the loader makes batches of " +
                                  std::to_string(loader_->options().batch_size));
    }
    return loader_->next();
  }

  std::optional<std::size_t> size() const override { return loader_->samples(); }
  void reset() override { loader_->start_epoch(); }

  void save(torch::serialize::OutputArchive& archive) const override {
    archive.write("millrace_state", c10::IValue(loader_->state()));
  }
  void load(torch::serialize::InputArchive& archive) override {
    c10::IValue state;
    archive.read("millrace_state", state);
    loader_->load_state(state.toStringRef());
  }

  DataLoader& loader() { return *loader_; }

 private:
  std::shared_ptr<DataLoader> loader_;
};

}  // namespace millrace::torch_ext
