#include "millrace/arrow_ext/chosen_columns.h"

#include <algorithm>
#include <string_view>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

#include "millrace/formats/plain_text.h"

namespace millrace::arrow_ext {

namespace {

const arrow::DataType& plain(const arrow::DataType& type) {
  if (type.id() == arrow::Type::EXTENSION) {
    return plain(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  if (type.id() == arrow::Type::DICTIONARY) {
    return plain(*static_cast<const arrow::DictionaryType&>(type).value_type());
  }
  return type;
}

bool is_text(const arrow::DataType& type) {
  return arrow::is_string(type.id()) || type.id() == arrow::Type::STRING_VIEW;
}

bool is_bytes(const arrow::DataType& type) {
  return arrow::is_binary(type.id()) || type.id() == arrow::Type::BINARY_VIEW ||
         type.id() == arrow::Type::FIXED_SIZE_BINARY;
}

bool is_image(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) return false;
  const auto& members = static_cast<const arrow::StructType&>(type);
  return members.num_fields() == 2 && members.GetFieldIndex("bytes") >= 0 &&
         members.GetFieldIndex("path") >= 0;
}

bool holds_images(std::string_view name, const arrow::DataType& type) {
  if (is_image(type)) return true;
  constexpr std::string_view kNames[] = {"image", "jpg", "jpeg", "png", "webp",
                                         "gif",   "bmp", "tif",  "tiff"};
  return is_bytes(type) &&
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Whether an image somewhere in it may be given by its path.
bool may_name_images(const arrow::DataType& type) {
  const arrow::DataType& of = plain(type);
  if (is_image(of)) return true;
  return std::any_of(of.fields().begin(), of.fields().end(),
                     [](const auto& field) { return may_name_images(*field->type()); });
}

std::size_t rank_of(const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const std::string& one) { return lower(one) == name; });
  return found == names.end() ? ChosenColumn::kNone
                              : static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::vector<int> ColumnChoice::indices() const {
  std::vector<int> all;
  for (const ChosenColumn& column : columns) all.push_back(column.index);
  return all;
}

ColumnChoice choose_columns(const arrow::Schema& schema, const ReadOptions& options) {
  ColumnChoice choice;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const arrow::DataType& type = plain(*schema.field(i)->type());
    ChosenColumn column;
    column.index = i;
    column.name = lower(schema.field(i)->name());
    column.path_name = column.name + ".path";
    column.is_field = options.wants(column.name);
    if (!arrow::is_nested(type.id())) column.key_rank = rank_of(column.name, options.keys);
    if (is_text(type)) column.path_rank = rank_of(column.name, options.image_paths);
    if (column.is_field) {
      choice.any_field = true;
      choice.has_images |= holds_images(column.name, type);
      choice.names_images |= column.name == "modalities" || may_name_images(type);
    }
    if (column.is_field || column.key_rank != ChosenColumn::kNone ||
        column.path_rank != ChosenColumn::kNone) {
      choice.columns.push_back(std::move(column));
    }
  }
  if (options.image_paths != ReadOptions::usual_image_paths()) choice.has_images = false;
  return choice;
}

}  // namespace millrace::arrow_ext
