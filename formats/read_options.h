#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// What hostile or broken files may cost at most. Beyond, they are errors.
struct ReadLimits {
  /// A member that expands (sparse) beyond this.
  std::uint64_t max_expanded_bytes = std::uint64_t{1} << 30;
  /// A compressed shard, or a row group of a table, that unpacks beyond this.
  std::uint64_t max_unpacked_bytes = std::uint64_t{16} << 30;
  /// A compressed shard that unpacks to more than so many times its size, looked at from
  /// `kRatioCheckedFrom` unpacked bytes on.
  std::uint64_t max_unpack_ratio = 200;
  /// An image file that a row names, larger than this.
  std::uint64_t max_image_bytes = std::uint64_t{1} << 30;
  /// A line of JSON lines longer than this.
  std::uint64_t max_line_bytes = std::uint64_t{64} << 20;

  static constexpr std::uint64_t kRatioCheckedFrom = std::uint64_t{64} << 20;

  bool operator==(const ReadLimits&) const = default;
};

/// How files become samples: of which format they are and what their columns mean. The defaults
/// read every format by its name and content, and know the usual names of columns.
///
/// A row of a table (a line of JSONL or CSV, a row of Parquet or Arrow) is a sample with
/// - a field per column of CSV, Parquet and Arrow, named as the column, lower-cased: text and bytes
///   as they are; numbers and booleans as JSON writes them; lists, structs and maps as JSON text.
///   A null is no field. An image struct<bytes, path> is a field with the image's bytes, read from
///   the path where the bytes are null, and `NAME.path`. Bytes and images inside of lists or
///   structs are fields by their path, `modalities.0.value`, and absent in the JSON text.
/// - of JSONL, COCO and Flickr30k: a field `json`, the line or what an equal line would say
///   (`captions` is a list). Files that its list `modalities` of {type: image, value} names are
///   fields `modalities.0.value`, with `modalities.0.value.path`, as those of a column are.
/// - a field `image`: the bytes of the image that one of the columns `image_paths` names, unless
///   that is a URL. Where that column is itself called `image`, its text is `image.path`.
/// - the key: the value of the first column of `keys`, else the image's path as the row has it,
/// else
///   the row's number.
struct ReadOptions {
  /// "tar", "jsonl", "csv", "coco", "flickr30k", "images", "parquet", "arrow", "mds"; empty: told
  /// by name and content.
  std::string format;
  /// The folder that relative image paths start from, and that no image may leave, links followed.
  /// Empty: the folder of the file that names the images.
  std::string image_root;
  /// Shard specs of tars. Given these, the images of rows are their members, by name.
  std::vector<std::string> image_tars;
  /// Columns (of JSONL: paths of keys, `meta.file`), of which the first that a row has names its
  /// image's file.
  std::vector<std::string> image_paths = usual_image_paths();
  /// Columns, of which the first that a row has is the sample's key.
  std::vector<std::string> keys = usual_keys();
  /// Of CSV: one character. Empty: tab, comma, semicolon or bar, whichever the first line has most.
  std::string separator;
  /// Of CSV: the names of the columns. Empty: the first line has them.
  std::vector<std::string> columns;
  /// The fields that will be asked for: columns that none of them needs are not read, nor are
  /// images. Nothing: all. Whoever makes samples for selectors fills this in, see
  /// FieldSelector::fields.
  std::optional<std::vector<std::string>> fields;
  ReadLimits limits;

  /// Whether the field `column`, or one below it (`column.0.value`), will be asked for.
  bool wants(std::string_view column) const;
  /// Whether sample indexes hold for these options: they know shards as the defaults read them.
  bool reads_as_indexed() const;
  /// image_path, filepath, file_name, filename, image, path, file.
  static std::vector<std::string> usual_image_paths();
  /// __key__, key, image_id, id, uid, sample_id.
  static std::vector<std::string> usual_keys();
  /// The names `format` may have.
  static const std::vector<std::string>& formats();
  /// Throws std::invalid_argument that names what is out of range, and its value.
  void validate() const;

  bool operator==(const ReadOptions&) const = default;
};

}  // namespace millrace
