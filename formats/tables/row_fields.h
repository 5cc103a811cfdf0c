#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/formats/images/image_store.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace {

/// What the columns of a row say of its sample as a whole. Views that need to hold only for the
/// call.
struct RowNames {
  /// The value of the first of ReadOptions::keys that the row has (a null is none).
  std::optional<std::string_view> key;
  /// The first of ReadOptions::image_paths that the row has, and its value.
  std::optional<std::string_view> image_column;
  std::string_view image_path;
  /// The row's number in the table, from 0.
  std::uint64_t number = 0;
};

/// Makes rows into samples where all tables do it alike: the key, the field `image` and
/// `image.path`, as read_options.h says. The reader of a table calls `reset`, adds the fields of
/// its columns, and then `finish`. Immutable and thread-safe; its copies share the images.
class RowFields {
 public:
  /// `table` as in ImageStore::open. Errors: io_error if there is no folder of images; nothing is
  /// opened where neither the image is asked for nor, if given, fields below `more_images`.
  static Result<RowFields> open(const std::string& table, const ReadOptions& options,
                                std::string_view more_images = {});

  /// Whether the image's column must not be added as a field by its own name, because that is
  /// `image`, where the image's bytes will stand.
  static bool replaces_column(const RowNames& row);

  /// Sets the key and adds the image. Allocates nothing in the long run.
  /// Errors: those of ImageStore::add, located by the sample.
  Result<void> finish(const RowNames& row, Sample& sample) const;

  /// Adds the file of that path as a further field. Nothing is added of a URL, or where no images
  /// are asked for. Errors as above.
  Result<void> add_file(std::string_view path, std::string_view name, Sample& sample) const;

 private:
  RowFields() = default;

  std::shared_ptr<const ImageStore> images_;  // null: not asked for
  bool wants_image_ = false;
  bool wants_path_ = false;
};

}  // namespace millrace
