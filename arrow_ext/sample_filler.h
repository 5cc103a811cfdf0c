#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/arrow_ext/column.h"
#include "millrace/formats/images/image_store.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace::arrow_ext {

/// Makes the values of one row into fields of one sample, as read_options.h says. Text and bytes
/// are views of the column's memory; nothing is allocated in the long run, but for nested columns.
///
/// JSON text: structs are objects, maps with text as keys too, other maps lists of [key, value];
/// times and decimals are strings. Bytes and images are members that are left out of objects, and
/// null as entries of lists, so that the others keep their places.
class SampleFiller {
 public:
  /// `images` is null where no image is named by its path.
  SampleFiller(const ReadOptions& options, const ImageStore* images, Sample& sample)
      : options_(options), images_(images), sample_(sample) {}

  /// `path_name` is `NAME.path`. Errors: damaged_shard; those of ImageStore::add. Not located.
  Result<void> add(const Column& column, std::int64_t row, std::string_view name,
                   std::string_view path_name);

 private:
  using Text = std::vector<std::uint8_t>;

  Result<void> add_image(const Column& image, std::int64_t row, std::string_view name,
                         std::string_view path_name);
  Result<void> add_image_file(std::string_view path, std::string_view name,
                              std::string_view path_name);
  Result<void> append_json(const Column& column, std::int64_t row, std::string& path, Text& json);
  Result<void> append_list(const Column& list, std::int64_t row, std::string& path, Text& json);
  Result<void> append_members(const Column& structure, std::int64_t row, std::string& path,
                              Text& json);
  Result<void> append_map(const Column& map, std::int64_t row, std::string& path, Text& json);
  Result<bool> add_apart(const Column& column, std::int64_t row, std::string& path);
  Result<bool> add_modality(const Column& modality, std::int64_t row, std::string& path);

  const ReadOptions& options_;
  const ImageStore* images_;
  Sample& sample_;
};

/// The text of a value that is not nested: a view of the column's memory, or of `written`. Nothing:
/// it is null, or nested. Errors: damaged_shard.
Result<std::optional<std::string_view>> text_of(const Column& column, std::int64_t row,
                                                std::vector<std::uint8_t>& written);

}  // namespace millrace::arrow_ext
