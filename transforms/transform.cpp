#include "millrace/transforms/transform.h"

namespace millrace {

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::uint8:
      return "uint8";
    case Dtype::int64:
      return "int64";
    case Dtype::float16:
      return "float16";
    case Dtype::bfloat16:
      return "bfloat16";
    case Dtype::float32:
      return "float32";
    case Dtype::float64:
      return "float64";
    case Dtype::bytes:
      return "bytes";
  }
  return "unknown";
}

std::size_t dtype_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::uint8:
      return 1;
    case Dtype::float16:
    case Dtype::bfloat16:
      return 2;
    case Dtype::float32:
      return 4;
    case Dtype::int64:
    case Dtype::float64:
      return 8;
    case Dtype::bytes:
      return 0;
  }
  return 0;
}

std::size_t OutputSpec::slot_bytes() const {
  std::size_t bytes = dtype_bytes(dtype);
  for (const std::int64_t extent : shape) bytes *= static_cast<std::size_t>(extent);
  return bytes;
}

}  // namespace millrace
