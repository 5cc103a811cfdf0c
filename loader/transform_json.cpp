#include "millrace/loader/transform_json.h"

#include <stdexcept>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "millrace/loader/captions_json-inl.h"
#include "millrace/loader/decode_options_json-inl.h"
#include "millrace/loader/image_transform_json-inl.h"
#include "millrace/loader/json_object-inl.h"
#include "millrace/loader/tokenizer_json-inl.h"

namespace millrace {

namespace json = boost::json;

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("transform: " + what);
}

Dtype dtype_of(const JsonObject& object) {
  const std::string name = object.text("dtype");
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  refuse("unknown dtype \"" + name + "\"");
}

bool makes_tokens(std::string_view type) { return type == "tokens" || type == "attention_mask"; }

std::shared_ptr<const Transform> make(const JsonObject& object) {
  const std::string type = object.text("type");
  if (type == "image") return image_transform(read_image_options(object));
  if (type == "image_patches") return read_image_patches(object);
  if (type == "clip_image")
    return clip_transform(object.small_int("size"), read_decode_options(object));
  if (type == "clip_pixels")
    return clip_pixels(object.small_int("size"), read_decode_options(object));
  if (makes_tokens(type)) {
    Captions captions;
    if (object.has("empty")) captions.empty = EmptyCaptions::keep;
    const auto column = type == "tokens" ? &text : &attention_mask;
    return column("txt", read_tokenizer(object.at("tokenizer")), captions).transform;
  }
  if (type == "raw") return raw("txt").transform;
  if (type == "number") return number("txt", dtype_of(object)).transform;
  refuse("unknown type \"" + type + "\"");
}

json::value parse(std::string_view text) {
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error) refuse("no JSON: " + error.message());
  return value;
}

std::shared_ptr<const Transform> from_object(const JsonObject& object) {
  std::shared_ptr<const Transform> transform = make(object);
  if (json::parse(transform->describe()) != json::value(object.object())) {
    refuse(json::serialize(object.object()) + " is here " + transform->describe());
  }
  return transform;
}

}  // namespace

std::shared_ptr<const Transform> transform_from_json(std::string_view description) {
  const json::value value = parse(description);
  return from_object(JsonObject(value, "transform"));
}

std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view description) {
  const json::value value = parse(description);
  return read_tokenizer(JsonObject(value, "tokenizer"));
}

Columns columns_from_json(std::string_view description) {
  Columns columns;
  const json::value value = parse(description);
  const JsonObject all(value, "columns");
  for (const auto& entry : all.object()) {
    const std::string name(entry.key());
    const JsonObject column = all.at(name);
    const JsonObject transform = column.at("transform");
    Column& made = columns.emplace_back(name, Column()).second;
    made.fields = column.text("fields");
    made.transform = from_object(transform);
    if (column.has("captions")) {
      made.captions = read_captions(column.at("captions"));
    } else if (makes_tokens(transform.text("type"))) {
      made.captions.emplace();
    }
  }
  return columns;
}

DecodeOptions decode_options_from_json(std::string_view description) {
  const json::value value = parse(description);
  const JsonObject object(value, "decode options");
  object.allow_only({}, kDecodeOptionKeys);
  return read_decode_options(object);
}

ImageTransformOptions image_options_from_json(std::string_view description) {
  const json::value value = parse(description);
  return read_image_options(JsonObject(value, "transform"));
}

std::string captions_to_json(const Captions& captions) {
  const Captions defaults;
  json::object object;
  if (captions.choice != defaults.choice) object["choice"] = caption_choice_name(captions.choice);
  if (!captions.weights.empty()) {
    json::object& weights = object["weights"].emplace_object();
    for (const CaptionWeight& weight : captions.weights) {
      weights[weight.selector] = weight.probability;
    }
  }
  if (!captions.templates.empty()) {
    object["templates"] = json::array(captions.templates.begin(), captions.templates.end());
  }
  if (!captions.clean.empty()) {
    json::array& rules = object["clean"].emplace_array();
    for (const CaptionCleanUp& rule : captions.clean) {
      rules.push_back(json::array{rule.pattern, rule.replacement});
    }
  }
  if (captions.empty != defaults.empty) object["empty"] = empty_captions_name(captions.empty);
  return json::serialize(object);
}

}  // namespace millrace
