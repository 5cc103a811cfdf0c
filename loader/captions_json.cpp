#include "millrace/loader/captions_json-inl.h"

namespace millrace {

namespace json = boost::json;

namespace {

CaptionChoice read_choice(const JsonObject& from) {
  const std::string name = from.text("choice");
  for (const CaptionChoice choice :
       {CaptionChoice::first, CaptionChoice::random, CaptionChoice::all}) {
    if (name == caption_choice_name(choice)) return choice;
  }
  from.wrong("choice", R"("first", "random" or "all")");
}

EmptyCaptions read_empty(const JsonObject& from) {
  const std::string name = from.text("empty");
  for (const EmptyCaptions empty : {EmptyCaptions::drop, EmptyCaptions::keep}) {
    if (name == empty_captions_name(empty)) return empty;
  }
  from.wrong("empty", R"("drop" or "keep")");
}

std::vector<CaptionWeight> read_weights(const JsonObject& from) {
  std::vector<CaptionWeight> weights;
  for (const auto& entry : from.object()) {
    CaptionWeight& weight = weights.emplace_back();
    weight.selector = entry.key();
    from.read(weight.selector, weight.probability);
  }
  return weights;
}

std::vector<CaptionCleanUp> read_clean(const JsonObject& from) {
  const std::string form = "a list of [pattern, replacement]";
  const json::value* value = from.find("clean");
  if (!value->is_array()) from.wrong("clean", form);
  std::vector<CaptionCleanUp> clean;
  for (const json::value& step : value->get_array()) {
    const json::array* pair = step.if_array();
    const bool two_texts =
        pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string();
    if (!two_texts) from.wrong("clean", form);
    clean.push_back({std::string((*pair)[0].get_string()), std::string((*pair)[1].get_string())});
  }
  return clean;
}

}  // namespace

Captions read_captions(const JsonObject& from) {
  from.allow_only({"choice", "weights", "templates", "clean", "empty"});
  Captions captions;
  if (from.has("choice")) captions.choice = read_choice(from);
  if (from.has("weights")) captions.weights = read_weights(from.at("weights"));
  captions.templates = from.texts("templates");
  if (from.has("clean")) captions.clean = read_clean(from);
  if (from.has("empty")) captions.empty = read_empty(from);
  captions.validate();
  return captions;
}

}  // namespace millrace
