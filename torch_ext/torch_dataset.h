#pragma once

#include <memory>
#include <mutex>
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
/// torch's batch size must be the loader's. `workers` beyond 1 only mix the order of the batches:
/// millrace has the threads. Copies share one loader; calls on them may overlap.
class TorchDataset : public torch::data::datasets::StatefulDataset<TorchDataset, TensorBatch> {
 public:
  explicit TorchDataset(LoaderOptions options)
      : shared_(std::make_shared<Shared>(std::move(options))) {}

  /// Nothing from the end of the epoch on, until reset().
  std::optional<TensorBatch> get_batch(std::size_t batch_size) override {
    const std::lock_guard lock(shared_->mutex);
    if (batch_size != loader().options().batch_size) {
      throw std::invalid_argument("torch::data asks for batches of " + std::to_string(batch_size) +
                                  ", and the loader makes batches of " +
                                  std::to_string(loader().options().batch_size));
    }
    // A worker of torch::data asks again after the end, and the loader would begin the next epoch.
    if (shared_->ended) return std::nullopt;
    std::optional<TensorBatch> batch = loader().next();
    shared_->ended = !batch.has_value();
    return batch;
  }

  std::optional<std::size_t> size() const override {
    if (!shared_->loader.length_is_known()) return std::nullopt;
    return shared_->loader.samples();
  }

  void reset() override {
    const std::lock_guard lock(shared_->mutex);
    loader().start_epoch();
    shared_->ended = false;
  }

  void save(torch::serialize::OutputArchive& archive) const override {
    const std::lock_guard lock(shared_->mutex);
    archive.write("millrace_state", c10::IValue(shared_->loader.state()));
  }
  void load(torch::serialize::InputArchive& archive) override {
    c10::IValue state;
    archive.read("millrace_state", state);
    const std::lock_guard lock(shared_->mutex);
    loader().load_state(state.toStringRef());
    shared_->ended = false;
  }

  DataLoader& loader() { return shared_->loader; }

 private:
  struct Shared {
    explicit Shared(LoaderOptions options) : loader(std::move(options)) {}
    DataLoader loader;
    std::mutex mutex;
    bool ended = false;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::torch_ext
