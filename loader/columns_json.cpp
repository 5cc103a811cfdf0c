#include <memory>
#include <optional>

#include "millrace/loader/captions_json-inl.h"
#include "millrace/loader/columns_json-inl.h"
#include "millrace/loader/decode_options_json-inl.h"
#include "millrace/loader/image_transform_json-inl.h"
#include "millrace/loader/tokenizer_json-inl.h"
#include "millrace/transforms/steps/clip_image.h"

namespace millrace {

namespace {

std::shared_ptr<const Transform> read_image_transform(const JsonObject& from) {
  if (from.text("type") == "image") return image_transform(read_image_options(from));
  if (from.text("type") == "image_patches") return read_image_patches(from);
  from.allow_only({"type", "size"}, kDecodeOptionKeys);
  const DecodeOptions decode = read_decode_options(from);
  const std::string type = from.text("type");
  const int size = from.small_int("size", 224);
  if (type == "clip_image") return clip_transform(size, decode);
  if (type == "clip_pixels") return clip_pixels(size, decode);
  from.wrong("type", R"("image", "image_patches", "clip_image" or "clip_pixels")");
}

std::optional<Captions> read_optional_captions(const JsonObject& from) {
  if (!from.has("captions")) return std::nullopt;
  return read_captions(from.at("captions"));
}

Dtype read_number_dtype(const JsonObject& from) {
  if (!from.has("dtype")) return Dtype::float64;
  const std::string name = from.text("dtype");
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  from.wrong("dtype", R"("float64", "float32" or "int64")");
}

Column read_column(const JsonObject& from) {
  const std::string type = from.text("type");
  if (type == "image") {
    from.allow_only({"type", "fields", "transform"});
    return image(from.text("fields"), read_image_transform(from.at("transform")));
  }
  if (type == "text" || type == "attention_mask") {
    from.allow_only({"type", "fields", "tokenizer", "captions"});
    const auto column = type == "text" ? &text : &attention_mask;
    return column(from.text("fields"), read_tokenizer(from.at("tokenizer")),
                  read_optional_captions(from).value_or(Captions()));
  }
  if (type == "raw") {
    from.allow_only({"type", "fields", "captions"});
    return raw(from.text("fields"), read_optional_captions(from));
  }
  if (type == "number") {
    from.allow_only({"type", "fields", "dtype"});
    return number(from.text("fields"), read_number_dtype(from));
  }
  from.wrong("type", R"("image", "text", "attention_mask", "raw" or "number")");
}

}  // namespace

Columns read_columns(const JsonObject& columns) {
  Columns read;
  for (const auto& entry : columns.object()) {
    const std::string name(entry.key());
    read.emplace_back(name, read_column(columns.at(name)));
  }
  return read;
}

}  // namespace millrace
