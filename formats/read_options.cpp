#include "millrace/formats/read_options.h"

#include <algorithm>
#include <stdexcept>

namespace millrace {

bool ReadOptions::wants(std::string_view column) const {
  if (!fields) return true;
  return std::any_of(fields->begin(), fields->end(), [&](std::string_view field) {
    return field.starts_with(column) &&
           (field.size() == column.size() || field[column.size()] == '.');
  });
}

bool ReadOptions::reads_as_indexed() const {
  const ReadOptions defaults;
  return format == defaults.format && separator == defaults.separator &&
         columns == defaults.columns && keys == defaults.keys &&
         image_paths == defaults.image_paths;
}

std::vector<std::string> ReadOptions::usual_image_paths() {
  return {"image_path", "filepath", "file_name", "filename", "image", "path", "file"};
}

std::vector<std::string> ReadOptions::usual_keys() {
  return {"__key__", "key", "image_id", "id", "uid", "sample_id"};
}

const std::vector<std::string>& ReadOptions::formats() {
  static const std::vector<std::string> names = {"tar",    "jsonl",   "csv",   "coco", "flickr30k",
                                                 "images", "parquet", "arrow", "mds"};
  return names;
}

void ReadOptions::validate() const {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("read." + what); };
  const std::vector<std::string>& known = formats();
  if (!format.empty() && std::find(known.begin(), known.end(), format) == known.end()) {
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    refuse("format = \"" + format + "\": must be one of " + names);
  }
  if (separator.size() > 1 || separator == "\"" || separator == "\n" || separator == "\r") {
    refuse("separator = \"" + separator + "\": must be one character, and no quote or line end");
  }
  if (limits.max_unpack_ratio == 0) refuse("max_unpack_ratio = 0: must be at least 1");
}

}  // namespace millrace
