#include "millrace/arrow_ext/source_input.h"

#include <utility>

#include <arrow/buffer.h>

namespace millrace::arrow_ext {

namespace {

class SourceBuffer final : public arrow::Buffer {
 public:
  explicit SourceBuffer(std::shared_ptr<const ByteSource> source)
      : arrow::Buffer(source->bytes().data(), static_cast<std::int64_t>(source->bytes().size())),
        source_(std::move(source)) {}

 private:
  std::shared_ptr<const ByteSource> source_;
};

}  // namespace

std::shared_ptr<arrow::io::BufferReader> input_over(std::shared_ptr<const ByteSource> source) {
  return std::make_shared<arrow::io::BufferReader>(
      std::make_shared<SourceBuffer>(std::move(source)));
}

}  // namespace millrace::arrow_ext
