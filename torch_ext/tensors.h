#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "millrace/loader/batch.h"
#include "millrace/loader/options.h"

namespace millrace::torch_ext {

/// Throws std::logic_error for Dtype::bytes.
at::ScalarType scalar_type(Dtype dtype);

/// A batch whose outputs are tensors that libtorch owns: dtype and shape of the column's
/// OutputSpec, with the batch dimension in front, contiguous, on the CPU (page-locked where the
/// loader pins).
class TensorBatch {
 public:
  TensorBatch() = default;
  /// Takes the memory of a loader's batch over; nothing is copied.
  explicit TensorBatch(Batch batch);

  std::size_t size() const { return size_; }
  /// Global position after this batch.
  std::uint64_t position() const { return position_; }
  /// Throws std::out_of_range that names the columns there are.
  const at::Tensor& operator[](std::string_view name) const;
  /// The byte strings of a column of Dtype::bytes, one a sample.
  const std::vector<std::string>& strings(std::string_view name) const;

  const std::vector<std::pair<std::string, at::Tensor>>& tensors() const { return tensors_; }
  const std::vector<std::pair<std::string, std::vector<std::string>>>& all_strings() const {
    return strings_;
  }

 private:
  std::size_t size_ = 0;
  std::uint64_t position_ = 0;
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
  std::vector<std::pair<std::string, std::vector<std::string>>> strings_;
};

/// Where batches are made: for page-locked memory an allocator of whole tensors from torch's
/// caching host allocator; otherwise none, and the loader recycles blocks of its own.
BatchAllocator batch_allocator(PinMemory pin_memory);

}  // namespace millrace::torch_ext
