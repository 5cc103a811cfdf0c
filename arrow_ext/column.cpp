#include "millrace/arrow_ext/column.h"

#include <cstring>
#include <utility>

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/extension_type.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/bit_util.h>

namespace millrace::arrow_ext {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr int kMaxDepth = 64;
constexpr std::int32_t kInlineViewBytes = arrow::BinaryViewType::kInlineSize;

bool is_text(const Column& column) {
  if (column.kind() == Column::Kind::dictionary) return is_text(column.children()[0]);
  return column.kind() == Column::Kind::text || column.kind() == Column::Kind::null;
}

bool is_bytes(const Column& column) {
  return column.kind() == Column::Kind::bytes || column.kind() == Column::Kind::null;
}

const std::uint8_t* memory(const arrow::ArrayData& data, std::size_t buffer) {
  return buffer < data.buffers.size() && data.buffers[buffer] ? data.buffers[buffer]->data()
                                                              : nullptr;
}

// An extension's memory is laid out as what it is stored as.
std::shared_ptr<arrow::ArrayData> stored(std::shared_ptr<arrow::ArrayData> data) {
  while (data->type->id() == arrow::Type::EXTENSION) {
    data = data->Copy();
    data->type = static_cast<const arrow::ExtensionType&>(*data->type).storage_type();
  }
  return data;
}

}  // namespace

arrow::Result<Column> Column::over(const std::shared_ptr<arrow::ArrayData>& data,
                                   std::string_view name) {
  Column column;
  column.name_ = name;
  column.data_ = stored(data);
  ARROW_RETURN_NOT_OK(column.lay_open(0));
  return column;
}

arrow::Status Column::lay_open(int depth) {
  if (depth > kMaxDepth) return arrow::Status::Invalid("nested too deep");
  using Type = arrow::Type;
  const arrow::DataType& kind_of = *data_->type;
  validity_ = data_->null_count != 0 ? memory(*data_, 0) : nullptr;
  values_ = memory(*data_, 1);
  switch (kind_of.id()) {
    case Type::NA:
      return arrow::Status::OK();
    case Type::BOOL:
      kind_ = Kind::boolean;
      return arrow::Status::OK();
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
    case Type::HALF_FLOAT:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      kind_ = Kind::number;
      width_ = kind_of.byte_width();
      return arrow::Status::OK();
    case Type::DATE32:
    case Type::DATE64:
    case Type::TIME32:
    case Type::TIME64:
    case Type::TIMESTAMP:
    case Type::DURATION:
      kind_ = Kind::time;
      width_ = kind_of.byte_width();
      return arrow::Status::OK();
    case Type::STRING:
    case Type::BINARY:
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      kind_ = arrow::is_string(kind_of.id()) ? Kind::text : Kind::bytes;
      layout_ = Layout::offsets;
      width_ = arrow::is_large_binary_like(kind_of.id()) ? 8 : 4;
      return lay_open_views();
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      kind_ = kind_of.id() == Type::STRING_VIEW ? Kind::text : Kind::bytes;
      layout_ = Layout::view;
      return lay_open_views();
    case Type::FIXED_SIZE_BINARY:
      kind_ = Kind::bytes;
      layout_ = Layout::fixed;
      width_ = kind_of.byte_width();
      return arrow::Status::OK();
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::MAP:
      kind_ = kind_of.id() == Type::MAP ? Kind::map : Kind::list;
      layout_ = Layout::offsets;
      width_ = kind_of.id() == Type::LARGE_LIST ? 8 : 4;
      return lay_open_children(depth);
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      kind_ = Kind::list;
      layout_ = Layout::view;
      width_ = kind_of.id() == Type::LARGE_LIST_VIEW ? 8 : 4;
      sizes_ = memory(*data_, 2);
      return lay_open_children(depth);
    case Type::FIXED_SIZE_LIST:
      kind_ = Kind::list;
      layout_ = Layout::fixed;
      width_ = static_cast<const arrow::FixedSizeListType&>(kind_of).list_size();
      return lay_open_children(depth);
    case Type::STRUCT:
      kind_ = Kind::structure;
      ARROW_RETURN_NOT_OK(lay_open_children(depth));
      find_images();
      return arrow::Status::OK();
    case Type::DICTIONARY: {
      kind_ = Kind::dictionary;
      const auto& index = *static_cast<const arrow::DictionaryType&>(kind_of).index_type();
      width_ = index.byte_width();
      is_signed_ = arrow::is_signed_integer(index.id());
      if (!data_->dictionary) return arrow::Status::Invalid("has no dictionary");
      Column& words = children_.emplace_back();
      words.data_ = stored(data_->dictionary);
      return words.lay_open(depth + 1);
    }
    default:
      kind_ = Kind::other;
      other_ = arrow::MakeArray(data_);
      return other_->ValidateFull();
  }
}

arrow::Status Column::lay_open_views() {
  for (std::size_t i = 2; i < data_->buffers.size(); ++i) {
    const auto& buffer = data_->buffers[i];
    heaps_.emplace_back(buffer ? buffer->data() : nullptr,
                        buffer ? static_cast<std::size_t>(buffer->size()) : 0);
  }
  return arrow::Status::OK();
}

arrow::Status Column::lay_open_children(int depth) {
  children_.reserve(data_->child_data.size());
  for (std::size_t i = 0; i < data_->child_data.size(); ++i) {
    Column& child = children_.emplace_back();
    child.data_ = stored(data_->child_data[i]);
    child.name_ = data_->type->field(static_cast<int>(i))->name();
    ARROW_RETURN_NOT_OK(child.lay_open(depth + 1));
  }
  if (name_ == "modalities" && depth == 0 && kind_ == Kind::list &&
      children_[0].kind_ == Kind::structure) {
    Column& entry = children_[0];
    const Column* type = entry.child("type");
    const Column* value = entry.child("value");
    if (type && value && is_text(*type) && is_text(*value)) entry.kind_ = Kind::modality;
  }
  return arrow::Status::OK();
}

void Column::find_images() {
  const Column* data = child("bytes");
  const Column* path = child("path");
  if (children_.size() != 2 || !data || !path || !is_bytes(*data) || !is_text(*path)) return;
  if (data != children_.data()) std::swap(children_[0], children_[1]);
  kind_ = Kind::image;
}

const Column* Column::child(std::string_view name) const {
  for (const Column& child : children_) {
    if (child.name_ == name) return &child;
  }
  return nullptr;
}

bool Column::is_null(std::int64_t row) const {
  if (kind_ == Kind::null) return true;
  return validity_ && !arrow::bit_util::GetBit(validity_, data_->offset + row);
}

bool Column::truth(std::int64_t row) const {
  return arrow::bit_util::GetBit(values_, data_->offset + row);
}

const std::uint8_t* Column::value(std::int64_t row) const {
  return values_ + (data_->offset + row) * width_;
}

std::int64_t Column::integer_at(const std::uint8_t* base, std::int64_t index) const {
  const std::uint8_t* at = base + index * width_;
  switch (width_) {
    case 1:
      return is_signed_ ? load<std::int8_t>(at) : load<std::uint8_t>(at);
    case 2:
      return is_signed_ ? load<std::int16_t>(at) : load<std::uint16_t>(at);
    case 4:
      return is_signed_ ? load<std::int32_t>(at) : load<std::uint32_t>(at);
    default:
      return load<std::int64_t>(at);
  }
}

std::optional<std::span<const std::uint8_t>> Column::bytes(std::int64_t row) const {
  const std::int64_t at = data_->offset + row;
  if (layout_ == Layout::fixed) {
    if (width_ == 0) return Bytes();
    return Bytes(values_ + at * width_, static_cast<std::size_t>(width_));
  }
  if (layout_ == Layout::offsets) {
    const std::int64_t begin = integer_at(values_, at);
    const std::int64_t end = integer_at(values_, at + 1);
    const Bytes heap = heaps_.empty() ? Bytes() : heaps_[0];
    if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > heap.size()) return {};
    return heap.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }
  const std::uint8_t* view = values_ + at * arrow::BinaryViewType::kSize;
  const auto size = load<std::int32_t>(view);
  if (size < 0) return {};
  if (size <= kInlineViewBytes) return Bytes(view + 4, static_cast<std::size_t>(size));
  const auto heap = load<std::int32_t>(view + 8);
  const auto begin = load<std::int32_t>(view + 12);
  if (heap < 0 || static_cast<std::size_t>(heap) >= heaps_.size() || begin < 0) return {};
  const Bytes of = heaps_[static_cast<std::size_t>(heap)];
  if (std::int64_t{begin} + size > static_cast<std::int64_t>(of.size())) return {};
  return of.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
}

std::optional<Column::Range> Column::entries(std::int64_t row) const {
  const std::int64_t at = data_->offset + row;
  const std::int64_t rows = children_[0].length();
  Range range;
  if (layout_ == Layout::fixed) {
    range = {at * width_, at * width_ + width_};
  } else {
    range.begin = integer_at(values_, at);
    range.end = layout_ == Layout::offsets ? integer_at(values_, at + 1) : integer_at(sizes_, at);
    if (layout_ == Layout::view) {
      if (range.begin < 0 || range.end < 0 || range.end > rows - range.begin) return {};
      range.end += range.begin;
    }
  }
  if (range.begin < 0 || range.end < range.begin || range.end > rows) return {};
  return range;
}

std::optional<std::int64_t> Column::dictionary_row(std::int64_t row) const {
  const std::int64_t entry = integer_at(values_, data_->offset + row);
  if (entry < 0 || entry >= children_[0].length()) return {};
  return entry;
}

std::string Column::other_text(std::int64_t row) const {
  const auto scalar = other_->GetScalar(row);
  return scalar.ok() ? (*scalar)->ToString() : scalar.status().message();
}

}  // namespace millrace::arrow_ext
