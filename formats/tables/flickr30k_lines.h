#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// A line's image and one caption of it.
struct ImageCaption {
  std::string_view image;
  std::string_view caption;
};

/// How a file of such lines is written.
struct Flickr30kLines {
  /// Without the line's end. Nothing: the line is none of this form.
  std::optional<ImageCaption> (*parse)(std::string_view line);
  bool has_header = false;
};

/// Told by the first line; null: neither of the two.
/// - `results.token`: `IMAGE#NUMBER<tab>CAPTION`, as it is.
/// - `results.csv`: a header `image_name| comment_number| comment`, then such lines, with spaces
///   around the bars, which are no part of the cells. The published file has one line without its
///   second bar, `IMAGE| NUMBER   CAPTION`, which is read as what it means.
const Flickr30kLines* flickr30k_lines_of(std::span<const std::uint8_t> bytes);

/// A sample of each run of lines of one image: lines of it further on are another sample. A line of
/// another form is an entry whose reading is an error.
Result<std::shared_ptr<const Shard>> open_flickr30k_lines(const Flickr30kLines& lines,
                                                          const std::string& path,
                                                          std::shared_ptr<const ByteSource> source,
                                                          const ReadOptions& options);

}  // namespace millrace
