#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/transforms/transform.h"

namespace millrace {

/// The memory of one output of one batch: samples x slot_bytes, whole. `owner` keeps it alive and
/// lets whoever allocated it recognise it.
struct BatchMemory {
  std::span<std::byte> bytes;
  std::shared_ptr<void> owner;
};

/// Makes the memory of one output of a batch of `samples` samples, aligned to 64 bytes. Called from
/// the thread that calls next(); never for Dtype::bytes.
using BatchAllocator = std::function<BatchMemory(const OutputSpec& spec, std::size_t samples)>;

/// Names and specs of the outputs, the same for every batch of a loader.
using BatchLayout = std::vector<std::pair<std::string, OutputSpec>>;

/// One output of a batch; `name` and `spec` belong to the batch's layout.
struct BatchColumn {
  std::string_view name;
  const OutputSpec* spec = nullptr;
  BatchMemory memory;                ///< row-major [size, shape...]; empty for Dtype::bytes
  std::vector<std::string> strings;  ///< Dtype::bytes: one a sample
};

/// A finished batch. Its memory is the caller's until the owners are let go.
struct Batch {
  std::size_t size = 0;        ///< samples; rows beyond are unspecified
  std::uint64_t position = 0;  ///< global position after this batch: what a resume begins with
  std::vector<BatchColumn> columns;  ///< in the order of the options
  std::shared_ptr<const BatchLayout> layout;

  /// Throws std::out_of_range that names the columns there are.
  const BatchColumn& operator[](std::string_view name) const;
  /// The numbers of a column whose dtype is T's; throws std::invalid_argument otherwise.
  template <typename T>
  std::span<const T> values(std::string_view name) const {
    const BatchColumn& column = (*this)[name];
    check_dtype(column, dtype_of<T>());
    return {reinterpret_cast<const T*>(column.memory.bytes.data()),
            size * (column.spec->slot_bytes() / sizeof(T))};
  }

 private:
  template <typename T>
  static constexpr Dtype dtype_of() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return Dtype::uint8;
    if constexpr (std::is_same_v<T, std::int64_t>) return Dtype::int64;
    if constexpr (std::is_same_v<T, float>) return Dtype::float32;
    if constexpr (std::is_same_v<T, double>) return Dtype::float64;
    return Dtype::bytes;  // no column has values of this type
  }
  static void check_dtype(const BatchColumn& column, Dtype dtype);
};

}  // namespace millrace
