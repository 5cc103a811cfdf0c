#include "millrace/torch_ext/data_loader.h"

#include <utility>

namespace millrace::torch_ext {

namespace {

BatchAllocator allocator_for(const LoaderOptions& options) {
  return batch_allocator(options.pin_memory);
}

}  // namespace

DataLoader::DataLoader(LoaderOptions options) : loader_(options, allocator_for(options)) {}

std::optional<TensorBatch> DataLoader::next() {
  std::optional<Batch> batch = loader_.next();
  if (!batch) return std::nullopt;
  return TensorBatch(std::move(*batch));
}

DataLoader::Taken DataLoader::next_within(double seconds) {
  Loader::Taken taken = loader_.next_within(seconds);
  if (!taken.batch) return {std::nullopt, taken.end};
  return {TensorBatch(std::move(*taken.batch)), false};
}

std::unique_ptr<DataLoader> make_data_loader(LoaderOptions options) {
  return std::make_unique<DataLoader>(std::move(options));
}

}  // namespace millrace::torch_ext
