#include "millrace/loader/state.h"

#include <stdexcept>

#include <boost/json.hpp>

namespace millrace {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kStateVersion = 1;

std::uint64_t number_of(const json::object& state, std::string_view name) {
  const json::value* value = state.if_contains(name);
  const bool whole =
      value != nullptr && (value->is_uint64() || (value->is_int64() && value->get_int64() >= 0));
  if (!whole) {
    throw std::invalid_argument("state: \"" + std::string(name) +
                                "\" is missing or no whole number");
  }
  return value->to_number<std::uint64_t>();
}

std::string columns_json(const Columns& columns) {
  std::string text = "{";
  for (const auto& [name, column] : columns) {
    text += text.size() > 1 ? "," : "";
    text += json::serialize(json::value(name)) +
            ":{\"fields\":" + json::serialize(json::value(column.fields)) +
            ",\"transform\":" + column.transform->describe() + "}";
  }
  return text + "}";
}

}  // namespace

Fingerprint make_fingerprint(const LoaderOptions& options, const Dataset& dataset) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hash = "\"";
  for (int shift = 60; shift >= 0; shift -= 4) hash += kDigits[dataset.fingerprint() >> shift & 15];
  return {
      {"shards", std::to_string(dataset.shards())},
      {"samples", std::to_string(dataset.counts().total())},
      {"dataset", hash + "\""},
      {"columns", columns_json(options.columns)},
      {"shuffle", options.shuffle ? "true" : "false"},
      {"shuffle_window", std::to_string(options.shuffle_window)},
      {"seed", std::to_string(options.seed)},
      {"drop_last", options.drop_last ? "true" : "false"},
      {"on_bad_sample", "\"" + std::string(on_bad_sample_name(options.on_bad_sample)) + "\""},
  };
}

std::string state_to_json(const LoaderState& state) {
  json::object object;
  object["version"] = kStateVersion;
  object["seed"] = state.seed;
  object["epoch"] = state.epoch;
  object["position"] = state.position;
  json::object& fingerprint = object["fingerprint"].emplace_object();
  for (const auto& [name, value] : state.fingerprint) fingerprint[name] = json::parse(value);
  return json::serialize(object);
}

LoaderState state_from_json(std::string_view text, const Fingerprint& expected) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error || !parsed.is_object()) throw std::invalid_argument("state: not a JSON object");
  const json::object& object = parsed.get_object();
  if (const std::uint64_t version = number_of(object, "version"); version != kStateVersion) {
    throw std::invalid_argument("state: version " + std::to_string(version) + ", and this is for " +
                                std::to_string(kStateVersion));
  }
  const json::value* found = object.if_contains("fingerprint");
  if (found == nullptr || !found->is_object()) {
    throw std::invalid_argument("state: \"fingerprint\" is missing");
  }
  std::string differences;
  for (const auto& [name, value] : expected) {
    const json::value* saved = found->get_object().if_contains(name);
    if (saved != nullptr && *saved == json::parse(value)) continue;
    differences += differences.empty() ? "" : "; ";
    differences += name;
    differences += " was ";
    differences += saved != nullptr ? json::serialize(*saved) : "not saved";
    differences += " and is ";
    differences += value;
  }
  if (!differences.empty()) {
    throw std::invalid_argument("state: of another dataset or of other options: " + differences);
  }
  return {number_of(object, "seed"), number_of(object, "epoch"), number_of(object, "position"),
          expected};
}

}  // namespace millrace
