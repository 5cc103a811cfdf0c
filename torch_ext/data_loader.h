#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "millrace/loader/loader.h"
#include "millrace/torch_ext/tensors.h"

namespace millrace::torch_ext {

/// A Loader whose batches are tensors, for a range-for. One consumer; see Loader for threads,
/// errors, epochs and state.
class DataLoader {
 public:
  /// Throws std::invalid_argument (options) or LoaderError (data).
  explicit DataLoader(LoaderOptions options);

  /// The next batch, or nothing at the end of the epoch.
  std::optional<TensorBatch> next();
  /// As Loader::next_within.
  struct Taken {
    std::optional<TensorBatch> batch;
    bool end = false;
  };
  Taken next_within(double seconds);

  class Iterator;
  /// Begins the current epoch (after load_state: where the state stood). After a loop has ended,
  /// the next one runs over the next epoch; after a loop was left early, over the same one again.
  Iterator begin();
  static std::default_sentinel_t end() { return std::default_sentinel; }

  void start_epoch() { loader_.start_epoch(); }
  void set_epoch(std::uint64_t epoch) { loader_.set_epoch(epoch); }
  std::uint64_t epoch() const { return loader_.epoch(); }
  std::uint64_t size() const { return loader_.batches(); }  ///< batches an epoch
  std::uint64_t samples() const { return loader_.samples(); }
  bool length_is_known() const { return loader_.length_is_known(); }
  std::string state() const { return loader_.state(); }
  void load_state(const std::string& state, const ResumeOptions& options = {}) {
    loader_.load_state(state, options);
  }
  Ledger ledger(bool with_shards = false) const { return loader_.ledger(with_shards); }
  Statistics stats() const { return loader_.stats(); }
  const LoaderOptions& options() const { return loader_.options(); }

 private:
  Loader loader_;
};

/// Single-pass iterator over one epoch.
class DataLoader::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = TensorBatch;
  using difference_type = std::ptrdiff_t;
  using pointer = const TensorBatch*;
  using reference = const TensorBatch&;

  explicit Iterator(DataLoader* loader) : loader_(loader) { ++*this; }

  reference operator*() const { return *batch_; }
  pointer operator->() const { return &*batch_; }
  Iterator& operator++() {
    batch_ = loader_->next();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t /*end*/) const { return !batch_; }

 private:
  DataLoader* loader_;
  std::optional<TensorBatch> batch_;
};

inline DataLoader::Iterator DataLoader::begin() {
  start_epoch();
  return Iterator(this);
}

std::unique_ptr<DataLoader> make_data_loader(LoaderOptions options);

}  // namespace millrace::torch_ext
