#pragma once

#include <memory>

#include <arrow/io/memory.h>

#include "millrace/formats/byte_source.h"

namespace millrace::arrow_ext {

/// What Arrow reads a source's bytes through. What it reads are views of the source, which they
/// keep alive: no copies.
std::shared_ptr<arrow::io::BufferReader> input_over(std::shared_ptr<const ByteSource> source);

}  // namespace millrace::arrow_ext
