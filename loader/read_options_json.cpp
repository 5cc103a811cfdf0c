#include "millrace/loader/read_options_json.h"

#include <stdexcept>
#include <utility>

#include "millrace/loader/read_options_json-inl.h"

namespace millrace {

namespace json = boost::json;

ReadOptions read_read_options(const JsonObject& from, ReadOptions defaults) {
  from.allow_only({"format", "image_root", "image_tars", "image_paths", "keys", "separator",
                   "columns", "max_expanded_bytes", "max_unpacked_bytes", "max_unpack_ratio",
                   "max_image_bytes", "max_line_bytes"});
  ReadOptions read = std::move(defaults);
  from.read("format", read.format);
  from.read("image_root", read.image_root);
  if (from.has("image_tars")) read.image_tars = from.texts("image_tars");
  if (from.has("image_paths")) read.image_paths = from.texts("image_paths");
  if (from.has("keys")) read.keys = from.texts("keys");
  from.read("separator", read.separator);
  if (from.has("columns")) read.columns = from.texts("columns");
  from.read("max_expanded_bytes", read.limits.max_expanded_bytes);
  from.read("max_unpacked_bytes", read.limits.max_unpacked_bytes);
  from.read("max_unpack_ratio", read.limits.max_unpack_ratio);
  from.read("max_image_bytes", read.limits.max_image_bytes);
  from.read("max_line_bytes", read.limits.max_line_bytes);
  read.validate();
  return read;
}

ReadOptions read_options_from_json(std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error) throw std::invalid_argument("read: not valid JSON: " + error.message());
  return read_read_options(JsonObject(parsed, "read"));
}

}  // namespace millrace
