#include "table_maker.h"

#include <stdexcept>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/io/file.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/json/from_string.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

namespace millrace::test {

namespace {

void must(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

template <typename T>
T must(arrow::Result<T> result) {
  must(result.status());
  return std::move(result).ValueUnsafe();
}

}  // namespace

std::string photo_bytes(std::int64_t row, std::int64_t image_bytes) {
  std::string bytes(static_cast<std::size_t>(image_bytes), '\0');
  auto state = static_cast<std::uint32_t>(row * 2654435761U + 1);
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::shared_ptr<arrow::Table> photo_table(std::int64_t rows, std::int64_t image_bytes) {
  arrow::StringBuilder keys;
  arrow::StringBuilder captions;
  arrow::Int32Builder widths;
  arrow::BinaryBuilder images;
  for (std::int64_t row = 0; row < rows; ++row) {
    must(keys.Append("k" + std::to_string(row)));
    must(row % 5 == 4 ? captions.AppendNull() : captions.Append("photo " + std::to_string(row)));
    must(widths.Append(static_cast<std::int32_t>(100 + row)));
    must(row % 7 == 6 ? images.AppendNull() : images.Append(photo_bytes(row, image_bytes)));
  }
  const auto schema =
      arrow::schema({arrow::field("key", arrow::utf8()), arrow::field("caption", arrow::utf8()),
                     arrow::field("width", arrow::int32()), arrow::field("jpg", arrow::binary())});
  return arrow::Table::Make(schema, {must(keys.Finish()), must(captions.Finish()),
                                     must(widths.Finish()), must(images.Finish())});
}

std::shared_ptr<arrow::Array> array_of(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json) {
  return must(arrow::json::ArrayFromJSONString(type, json));
}

void write_parquet(const arrow::Table& table, const std::string& path, const ParquetForm& form) {
  const auto file = must(arrow::io::FileOutputStream::Open(path));
  parquet::WriterProperties::Builder properties;
  properties.compression(form.compression);
  if (form.checksums) properties.enable_page_checksum();
  parquet::ArrowWriterProperties::Builder arrow_properties;
  arrow_properties.store_schema();
  must(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), file, form.rows_per_group,
                                  properties.build(), arrow_properties.build()));
  must(file->Close());
}

void write_arrow(const arrow::Table& table, const std::string& path, const ArrowForm& form) {
  const auto file = must(arrow::io::FileOutputStream::Open(path));
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  if (form.compression != arrow::Compression::UNCOMPRESSED) {
    options.codec = must(arrow::util::Codec::Create(form.compression));
  }
  const auto writer = form.is_file
                          ? must(arrow::ipc::MakeFileWriter(file, table.schema(), options))
                          : must(arrow::ipc::MakeStreamWriter(file, table.schema(), options));
  must(writer->WriteTable(table, form.rows_per_batch));
  must(writer->Close());
  must(file->Close());
}

}  // namespace millrace::test
