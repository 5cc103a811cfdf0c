#include "millrace/arrow_ext/message_sizes.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <arrow/buffer.h>
#include <arrow/ipc/message.h>

#include "millrace/arrow_ext/source_input.h"
#include "millrace/formats/index/little_endian-inl.h"

namespace millrace::arrow_ext {

namespace {

using Bytes = std::span<const std::uint8_t>;

// Fields by their number in format/Message.fbs.
constexpr std::size_t kMessageHeader = 2;
constexpr std::size_t kDictionaryData = 1;
constexpr std::size_t kBatchBuffers = 2;
constexpr std::size_t kBatchCompression = 3;
constexpr std::size_t kBufferBytes = 16;  // struct Buffer { offset: long; length: long; }
constexpr std::size_t kLengthBytes = 8;   // before each compressed buffer; -1: it is not compressed

template <typename Integer>
std::optional<Integer> number_at(Bytes bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(Integer)) return std::nullopt;
  return little_endian::load<Integer>(bytes.data() + at);
}

// Where what the offset at `at` refers to begins.
std::optional<std::size_t> follow(Bytes bytes, std::size_t at) {
  const auto offset = number_at<std::uint32_t>(bytes, at);
  if (!offset || *offset > bytes.size() - at) return std::nullopt;
  return at + *offset;
}

// Where the value of a table's field is; nothing if the table has none.
std::optional<std::size_t> field_of(Bytes bytes, std::size_t table, std::size_t field) {
  const auto back = number_at<std::uint32_t>(bytes, table);
  if (!back) return std::nullopt;
  const auto vtable = static_cast<std::int64_t>(table) -
                      static_cast<std::int64_t>(static_cast<std::int32_t>(*back));
  if (vtable < 0) return std::nullopt;
  const auto begin = static_cast<std::size_t>(vtable);
  const auto size = number_at<std::uint16_t>(bytes, begin);
  const std::size_t entry = 4 + 2 * field;
  if (!size || *size < entry + 2) return std::nullopt;
  const auto offset = number_at<std::uint16_t>(bytes, begin + entry);
  if (!offset || *offset == 0 || *offset > bytes.size() - table) return std::nullopt;
  return table + *offset;
}

std::optional<std::size_t> table_in(Bytes bytes, std::size_t table, std::size_t field) {
  const auto at = field_of(bytes, table, field);
  return at ? follow(bytes, *at) : std::nullopt;
}

std::uint64_t unpacked_bytes_of(Bytes metadata, Bytes body, bool is_dictionary) {
  auto batch = follow(metadata, 0);
  if (batch) batch = table_in(metadata, *batch, kMessageHeader);
  if (batch && is_dictionary) batch = table_in(metadata, *batch, kDictionaryData);
  if (!batch || !table_in(metadata, *batch, kBatchCompression)) return 0;
  const auto buffers = table_in(metadata, *batch, kBatchBuffers);
  const auto count = buffers ? number_at<std::uint32_t>(metadata, *buffers) : std::nullopt;
  if (!count) return 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::size_t at = *buffers + sizeof(std::uint32_t) + i * kBufferBytes;
    const auto offset = number_at<std::uint64_t>(metadata, at);
    const auto length = number_at<std::uint64_t>(metadata, at + sizeof(std::uint64_t));
    if (!offset || !length) break;
    if (*length < kLengthBytes || *offset > body.size()) continue;
    const auto unpacked = number_at<std::uint64_t>(body, static_cast<std::size_t>(*offset));
    if (!unpacked || static_cast<std::int64_t>(*unpacked) < 0) continue;
    bytes += std::min(*unpacked, ~std::uint64_t{0} - bytes);
  }
  return bytes;
}

Bytes bytes_of(const std::shared_ptr<arrow::Buffer>& buffer) {
  if (buffer == nullptr) return {};
  return {buffer->data(), static_cast<std::size_t>(buffer->size())};
}

}  // namespace

std::uint64_t unpacked_bytes_of_messages(const std::shared_ptr<const ByteSource>& file,
                                         std::int64_t from, std::uint64_t most) {
  const auto stream = input_over(file);
  if (!stream->Seek(from).ok()) return 0;
  const auto messages = arrow::ipc::MessageReader::Open(stream);
  std::uint64_t bytes = 0;
  while (bytes < most) {
    const auto begin = stream->Tell();
    const auto message = messages->ReadNextMessage();
    const auto end = stream->Tell();
    if (!begin.ok() || !end.ok() || *end <= *begin) break;
    if (!message.ok()) continue;
    if (*message == nullptr) break;
    const auto type = (*message)->type();
    const bool is_dictionary = type == arrow::ipc::MessageType::DICTIONARY_BATCH;
    if (!is_dictionary && type != arrow::ipc::MessageType::RECORD_BATCH) continue;
    const std::uint64_t more = unpacked_bytes_of(bytes_of((*message)->metadata()),
                                                 bytes_of((*message)->body()), is_dictionary);
    bytes += std::min(more, most - bytes);
  }
  return bytes;
}

}  // namespace millrace::arrow_ext
