#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "millrace/formats/read_options.h"

namespace millrace::arrow_ext {

/// A top-level column that is read, and what for.
struct ChosenColumn {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  int index = 0;          ///< in the schema
  std::string name;       ///< lower-cased
  std::string path_name;  ///< `NAME.path`
  bool is_field = false;  ///< it becomes a field of the sample
  /// Its place in ReadOptions::keys and ReadOptions::image_paths, or kNone: it cannot say either.
  std::size_t key_rank = kNone;
  std::size_t path_rank = kNone;
};

struct ColumnChoice {
  std::vector<ChosenColumn> columns;  ///< in the order of the schema
  /// The rows have their images in them, so that no path in a column of its own is followed.
  bool has_images = false;
  /// Images inside of rows may be paths: an image without bytes, a modality.
  bool names_images = false;
  bool any_field = false;

  std::vector<int> indices() const;
};

/// The columns of which ReadOptions::fields needs something, and those that may be a row's key or
/// name its image.
ColumnChoice choose_columns(const arrow::Schema& schema, const ReadOptions& options);

}  // namespace millrace::arrow_ext
