#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/tables/row_fields.h"
#include "millrace/result/result.h"

namespace millrace {

/// The images that a row of JSON lists: `"modalities": [{"type": "image", "value": "a.jpg"}, ...]`,
/// MultiMeditron's layout. The entry at place N becomes the fields that a table's column of that
/// kind gives: `modalities.N.value`, the bytes of the file that `value` names, and
/// `modalities.N.value.path`. Of a URL there is only the path. `value` may also be {bytes, path}
/// with bytes that are null. Entries of other types, and values that name no file, add nothing.
/// Immutable and thread-safe.
class ModalityImages {
 public:
  /// The field below which all of them stand.
  static constexpr std::string_view kField = "modalities";

  explicit ModalityImages(ReadOptions options) : options_(std::move(options)) {}

  /// `row` is valid JSON, one object, as long as the sample is used. Allocates nothing in the long
  /// run. Errors, located by the sample: those of ImageStore::add; bad_json for a path that has no
  /// UTF-8.
  Result<void> add(std::span<const std::uint8_t> row, const RowFields& rows, Sample& sample) const;

 private:
  Result<void> add_entry(std::string_view entry, std::size_t place, const RowFields& rows,
                         Sample& sample) const;

  ReadOptions options_;
};

}  // namespace millrace
