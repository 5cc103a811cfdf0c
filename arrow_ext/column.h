#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/array/data.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>

namespace millrace::arrow_ext {

/// The value whose bytes begin there, aligned or not.
template <typename T>
T load(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// One column of one record batch, or a member of a nested one, laid open: the memory of
/// https://arrow.apache.org/docs/format/Columnar.html. The batch must have passed
/// `RecordBatch::Validate`, which looks at the sizes of buffers but not at what is in them; so
/// every offset and index that is found in them is checked here before it is followed. Immutable,
/// thread-safe; looking at values allocates nothing. Rows count from the beginning of the column
/// and must lie within it.
class Column {
 public:
  enum class Kind : std::uint8_t {
    null,
    boolean,
    number,  ///< of any width, signed, unsigned or floating; decimals
    time,    ///< dates, times of day, timestamps, durations
    text,
    bytes,
    list,
    map,
    structure,
    image,       ///< structure of `bytes` and `path`, whose children these are, in this order
    modality,    ///< structure of `type` and a text `value` in a list called `modalities`
    dictionary,  ///< what stands for a row of its only child
    other,       ///< only `other_text` knows it
  };
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  /// Errors: not readable (nested too deep, a layout that is none).
  static arrow::Result<Column> over(const std::shared_ptr<arrow::ArrayData>& data,
                                    std::string_view name);

  Kind kind() const { return kind_; }
  /// As the schema has it.
  const std::string& name() const { return name_; }
  const arrow::DataType& type() const { return *data_->type; }
  std::int64_t length() const { return data_->length; }
  const std::vector<Column>& children() const { return children_; }
  /// Of a structure. Null: it has no such member.
  const Column* child(std::string_view name) const;

  bool is_null(std::int64_t row) const;
  bool truth(std::int64_t row) const;
  /// Of numbers and times: the row's value, `width()` bytes, little-endian.
  const std::uint8_t* value(std::int64_t row) const;
  int width() const { return width_; }
  /// Of text and bytes. Nothing: it lies outside of the column's memory.
  std::optional<std::span<const std::uint8_t>> bytes(std::int64_t row) const;
  /// Of lists and maps: the rows of the child that the row has. Nothing: there are no such rows.
  std::optional<Range> entries(std::int64_t row) const;
  /// Of a structure: the row of its children.
  std::int64_t member_row(std::int64_t row) const { return data_->offset + row; }
  /// Of a dictionary. Nothing: it has no such entry.
  std::optional<std::int64_t> dictionary_row(std::int64_t row) const;
  std::string other_text(std::int64_t row) const;

 private:
  enum class Layout : std::uint8_t { plain, offsets, view, fixed };

  arrow::Status lay_open(int depth);
  arrow::Status lay_open_children(int depth);
  arrow::Status lay_open_views();
  void find_images();
  std::int64_t integer_at(const std::uint8_t* base, std::int64_t index) const;

  std::shared_ptr<arrow::ArrayData> data_;  // of extensions: of what they are stored as
  std::string name_;
  Kind kind_ = Kind::null;
  Layout layout_ = Layout::plain;
  bool is_signed_ = true;
  int width_ = 0;
  const std::uint8_t* validity_ = nullptr;
  const std::uint8_t* values_ = nullptr;  // values, indices, offsets or views
  const std::uint8_t* sizes_ = nullptr;   // of list views
  std::vector<std::span<const std::uint8_t>> heaps_;
  std::vector<Column> children_;
  std::shared_ptr<arrow::Array> other_;
};

}  // namespace millrace::arrow_ext
