#include "millrace/loader/transform_json.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "millrace/loader/captions_json-inl.h"

namespace millrace {

namespace json = boost::json;

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("transform: " + what);
}

std::uint64_t number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  const bool whole = value != nullptr && value->is_int64() && value->get_int64() >= 0;
  if (!whole) refuse("\"" + std::string(name) + "\" is missing or no whole number");
  return static_cast<std::uint64_t>(value->get_int64());
}

int int_of(const json::object& object, std::string_view name) {
  constexpr std::uint64_t kMost = 1'000'000'000;  // more is out of every transform's range
  return static_cast<int>(std::min(number_of(object, name), kMost));
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    refuse("\"" + std::string(name) + "\" is missing or no text");
  }
  return std::string(value->get_string());
}

DecodeOptions decode_options(const json::object& object) {
  return {number_of(object, "max_image_pixels"), int_of(object, "max_jpeg_scans")};
}

Dtype dtype_of(const json::object& object) {
  const std::string name = text_of(object, "dtype");
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  refuse("unknown dtype \"" + name + "\"");
}

std::shared_ptr<const Transform> make(const json::object& object) {
  const std::string type = text_of(object, "type");
  if (type == "clip_image") return clip_transform(int_of(object, "size"), decode_options(object));
  if (type == "clip_pixels") return clip_pixels(int_of(object, "size"), decode_options(object));
  if (type == "clip_tokens") {
    const int context_length = int_of(object, "context_length");
    Captions captions;
    if (object.contains("empty")) captions.empty = EmptyCaptions::keep;
    return text("txt", std::make_shared<const ClipTokenizer>(context_length), captions).transform;
  }
  if (type == "raw") return raw("txt").transform;
  if (type == "number") return number("txt", dtype_of(object)).transform;
  refuse("unknown type \"" + type + "\"");
}

json::object parse(std::string_view text) {
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) refuse("not a JSON object");
  return std::move(value.get_object());
}

std::shared_ptr<const Transform> from_object(const json::object& object) {
  std::shared_ptr<const Transform> transform = make(object);
  if (json::parse(transform->describe()) != json::value(object)) {
    refuse(json::serialize(object) + " is here " + transform->describe());
  }
  return transform;
}

}  // namespace

std::shared_ptr<const Transform> transform_from_json(std::string_view description) {
  return from_object(parse(description));
}

Columns columns_from_json(std::string_view description) {
  Columns columns;
  for (const auto& entry : parse(description)) {
    if (!entry.value().is_object()) refuse("a column is no JSON object");
    const json::object& column = entry.value().get_object();
    const json::value* transform = column.if_contains("transform");
    if (transform == nullptr || !transform->is_object()) refuse("a column has none");
    Column& made = columns.emplace_back(std::string(entry.key()), Column()).second;
    made.fields = text_of(column, "fields");
    made.transform = from_object(transform->get_object());
    if (const json::value* captions = column.if_contains("captions")) {
      made.captions = read_captions(JsonObject(*captions, "captions"));
    } else if (transform->get_object().at("type") == "clip_tokens") {
      made.captions.emplace();
    }
  }
  return columns;
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
