#include "millrace/torch_ext/tensors.h"

#include <memory>
#include <stdexcept>

#include <ATen/DeviceAccelerator.h>
#include <ATen/Functions.h>

namespace millrace::torch_ext {

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::uint8:
      return at::kByte;
    case Dtype::int64:
      return at::kLong;
    case Dtype::float16:
      return at::kHalf;
    case Dtype::bfloat16:
      return at::kBFloat16;
    case Dtype::float32:
      return at::kFloat;
    case Dtype::float64:
      return at::kDouble;
    case Dtype::bytes:
      break;
  }
  throw std::logic_error("byte strings have no tensor");
}

namespace {

std::vector<std::int64_t> batch_shape(const OutputSpec& spec, std::size_t samples) {
  std::vector<std::int64_t> shape = {static_cast<std::int64_t>(samples)};
  shape.insert(shape.end(), spec.shape.begin(), spec.shape.end());
  return shape;
}

// Marks memory whose owner is a tensor: the owner's deleter is of this type.
struct TensorOwner {
  at::Tensor tensor;
  void operator()(const void* /*memory*/) const {}
};

at::Tensor as_tensor(const BatchColumn& column, std::size_t samples) {
  if (const auto* owner = std::get_deleter<TensorOwner>(column.memory.owner)) {
    return owner->tensor.narrow(0, 0, static_cast<std::int64_t>(samples));
  }
  // The tensor's storage holds the owner; letting go of it gives the block back to the pool.
  return at::from_blob(
      column.memory.bytes.data(), batch_shape(*column.spec, samples),
      [owner = column.memory.owner](void* /*memory*/) mutable { owner.reset(); },
      at::TensorOptions().dtype(scalar_type(column.spec->dtype)));
}

template <typename Value>
const Value& named(const std::vector<std::pair<std::string, Value>>& columns, std::string_view name,
                   const char* kind) {
  std::string names;
  for (const auto& [column_name, value] : columns) {
    if (column_name == name) return value;
    names += (names.empty() ? "" : ", ") + column_name;
  }
  throw std::out_of_range("the batch has no " + std::string(kind) + " \"" + std::string(name) +
                          "\"; it has " + (names.empty() ? "none" : names));
}

}  // namespace

TensorBatch::TensorBatch(Batch batch) : size_(batch.size), position_(batch.position) {
  for (BatchColumn& column : batch.columns) {
    if (column.spec->dtype == Dtype::bytes) {
      strings_.emplace_back(column.name, std::move(column.strings));
    } else {
      tensors_.emplace_back(column.name, as_tensor(column, size_));
    }
  }
}

const at::Tensor& TensorBatch::operator[](std::string_view name) const {
  return named(tensors_, name, "tensor");
}

const std::vector<std::string>& TensorBatch::strings(std::string_view name) const {
  return named(strings_, name, "column of byte strings");
}

BatchAllocator batch_allocator(PinMemory pin_memory) {
  // A device, not only a build of torch for one.
  const bool accelerator =
      at::getAccelerator(false).has_value() && at::accelerator::deviceCount() > 0;
  if (pin_memory == PinMemory::on && !accelerator) {
    throw std::invalid_argument("pin_memory = true: torch sees no accelerator on this machine");
  }
  if (pin_memory == PinMemory::off || !accelerator) return {};
  return [](const OutputSpec& spec, std::size_t samples) -> BatchMemory {
    const at::Tensor tensor =
        at::empty(batch_shape(spec, samples),
                  at::TensorOptions().dtype(scalar_type(spec.dtype)).pinned_memory(true));
    void* memory = tensor.data_ptr();
    return {{static_cast<std::byte*>(memory), tensor.nbytes()},
            std::shared_ptr<void>(memory, TensorOwner{tensor})};
  };
}

}  // namespace millrace::torch_ext
