#include "millrace/loader/state.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

#include "millrace/loader/json.h"
#include "millrace/loader/json_object-inl.h"
#include "millrace/loader/transform_json.h"

namespace millrace {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kStateVersion = 1;

// Of a mixture; what a resume may change if asked to.
constexpr std::string_view kShares = "shares";

json::array sources_json(bool are_mixed, const std::vector<SourceFingerprint>& sources) {
  json::array array;
  for (const SourceFingerprint& source : sources) {
    json::object members;
    // A single dataset may be called otherwise when it lies elsewhere.
    if (are_mixed) members["name"] = source.name;
    members["shards"] = source.shards;
    if (source.samples) members["samples"] = *source.samples;
    members["dataset"] = hexadecimal(source.dataset);
    if (!source.select.empty()) members["select"] = json::parse(source.select);
    array.push_back(std::move(members));
  }
  return array;
}

std::string columns_json(const Columns& columns);

std::string buckets_json(const std::vector<AspectBucket>& buckets) {
  std::string text = "{";
  for (const AspectBucket& bucket : buckets) {
    if (text.size() > 1) text += ',';
    text += '"' + bucket_name(bucket) + "\":" + columns_json(bucket.columns);
  }
  return text + "}";
}

std::string columns_json(const Columns& columns) {
  std::string text = "{";
  for (const auto& [name, column] : columns) {
    text += text.size() > 1 ? "," : "";
    text += json::serialize(json::value(name));
    text += R"(:{"fields":)";
    text += json::serialize(json::value(column.fields));
    text += R"(,"transform":)";
    text += column.transform->describe();
    if (column.captions) {
      // Text columns have them always; at their defaults the state is one of before there were any.
      const std::string captions = captions_to_json(*column.captions);
      const bool is_raw = column.transform->output().dtype == Dtype::bytes;
      if (is_raw || captions != "{}") text += R"(,"captions":)" + captions;
    }
    text += "}";
  }
  return text + "}";
}

// Adds how `is` differs from `was`, down to the member that does.
void add_differences(const std::string& name, const json::value& was, const json::value& is,
                     std::string& text) {
  if (was == is) return;
  if (was.is_object() && is.is_object()) {
    const std::string prefix = name + ".";
    for (const auto& member : is.get_object()) {
      const std::string key(member.key());
      const json::value* before = was.get_object().if_contains(key);
      add_differences(prefix + key, before != nullptr ? *before : json::value(), member.value(),
                      text);
    }
    for (const auto& member : was.get_object()) {
      if (is.get_object().contains(member.key())) continue;
      add_differences(prefix + std::string(member.key()), member.value(), {}, text);
    }
    return;
  }
  if (was.is_array() && is.is_array() && was.get_array().size() == is.get_array().size()) {
    for (std::size_t i = 0; i < is.get_array().size(); ++i) {
      add_differences(name + "[" + std::to_string(i) + "]", was.get_array()[i], is.get_array()[i],
                      text);
    }
    return;
  }
  text += text.empty() ? "" : "; ";
  text += name;
  text += " was ";
  text += json::serialize(was);
  text += " and is ";
  text += json::serialize(is);
}

// The differences as text; empty if there are none. The entry `passed` may differ.
std::string differences(const json::object& saved, const Fingerprint& expected,
                        std::string_view passed) {
  std::string text;
  for (const auto& [name, value] : expected) {
    if (name == passed) continue;
    const json::value* before = saved.if_contains(name);
    add_differences(name, before != nullptr ? *before : json::value(), json::parse(value), text);
  }
  for (const auto& entry : saved) {
    const std::string_view name(entry.key().data(), entry.key().size());
    const bool known = std::any_of(expected.begin(), expected.end(),
                                   [&](const auto& other) { return other.first == name; });
    if (!known) add_differences(std::string(name), entry.value(), {}, text);
  }
  return text;
}

// The counts of a mixture's sources, as many as there are shares.
std::vector<std::uint64_t> taken_of(const JsonObject& mixture, std::string_view name,
                                    std::size_t sources) {
  // No run comes that far, and below it nothing overflows.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  std::vector<std::uint64_t> taken = mixture.numbers(name);
  if (!taken.empty() && taken.size() != sources) {
    throw std::invalid_argument("state: \"mixture." + std::string(name) + "\" is of " +
                                std::to_string(taken.size()) + " sources, and there are " +
                                std::to_string(sources));
  }
  for (const std::uint64_t count : taken) {
    if (count <= kMost) continue;
    throw std::invalid_argument("state: \"mixture." + std::string(name) + "\" has " +
                                std::to_string(count) + ": above 2^62");
  }
  return taken;
}

// Where a mixture's shares hold from. `saved` are the state's shares, `shares` those of now.
void read_mixture(const JsonObject& mixture, const json::value* saved, const json::value& shares,
                  LoaderState& state) {
  const std::size_t sources = shares.get_array().size();
  state.taken = taken_of(mixture, "taken", sources);
  if (state.taken.empty()) {
    throw std::invalid_argument("state: \"mixture.taken\" is empty");
  }
  if (saved == nullptr || *saved != shares) {
    state.mixture_start = {state.epoch, state.point.position, state.taken};
    return;
  }
  MixtureStart& start = state.mixture_start;
  start = {mixture.number("start_epoch"), mixture.number("start_position"),
           taken_of(mixture, "start_taken", sources)};
  if (std::pair(start.epoch, start.position) > std::pair(state.epoch, state.point.position)) {
    throw std::invalid_argument("state: the mixture starts at epoch " +
                                std::to_string(start.epoch) + ", position " +
                                std::to_string(start.position) + ": behind the state's own place");
  }
  if (start.taken.empty() && start != MixtureStart{}) {
    throw std::invalid_argument("state: \"mixture.start_taken\" is empty");
  }
}

ResumePoint point_from(const JsonObject& state) {
  ResumePoint point{state.number("position"), {}};
  if (state.has("stream")) {
    const JsonObject stream = state.at("stream");
    point.in_stream = {stream.number("stream"), stream.number("offset"),
                       stream.number("samples_before"), stream.number("blocks_before")};
  }
  return point;
}

}  // namespace

Fingerprint make_fingerprint(const LoaderOptions& options,
                             const std::vector<SourceFingerprint>& sources,
                             const std::vector<std::uint64_t>& shares) {
  Fingerprint fingerprint = {
      {"sources", json::serialize(sources_json(!options.mixture.empty(), sources))},
      {"columns", columns_json(options.columns)},
      {"shuffle", options.shuffle ? "true" : "false"},
      {"shuffle_window", std::to_string(options.shuffle_window)},
      {"seed", std::to_string(options.seed)},
      {"streaming", options.reads_streams() ? "true" : "false"},
      {"samples_per_epoch", std::to_string(options.samples_per_epoch)},
      {"drop_last", options.drop_last ? "true" : "false"},
      {"on_bad_sample", "\"" + std::string(on_bad_sample_name(options.on_bad_sample)) + "\""},
  };
  if (!options.buckets.empty()) {
    fingerprint.emplace_back("buckets", buckets_json(options.buckets));
    fingerprint.emplace_back("bucket_run", std::to_string(options.used_bucket_run()));
  }
  if (!options.mixture.empty()) {
    fingerprint.emplace_back("stop_at", "\"" + std::string(stop_at_name(options.stop_at)) + "\"");
    // Whether a source's own sequence ends with the epoch: what `taken` counts hangs on it.
    fingerprint.emplace_back("samples_per_source",
                             options.mixture.front().samples_per_epoch > 0 ? "true" : "false");
    fingerprint.emplace_back(kShares, json::serialize(json::array(shares.begin(), shares.end())));
  }
  return fingerprint;
}

std::string state_to_json(const LoaderState& state) {
  json::object object;
  object["version"] = kStateVersion;
  object["seed"] = state.seed;
  object["epoch"] = state.epoch;
  object["position"] = state.point.position;
  if (state.point.in_stream) {
    const ResumePoint::InStream& point = *state.point.in_stream;
    object["stream"] = {{"stream", point.stream},
                        {"offset", point.offset_bytes},
                        {"samples_before", point.samples_before},
                        {"blocks_before", point.blocks_before}};
  }
  if (!state.taken.empty()) {
    const MixtureStart& start = state.mixture_start;
    object["mixture"] = {{"taken", json::array(state.taken.begin(), state.taken.end())},
                         {"start_epoch", start.epoch},
                         {"start_position", start.position},
                         {"start_taken", json::array(start.taken.begin(), start.taken.end())}};
  }
  json::object& fingerprint = object["fingerprint"].emplace_object();
  for (const auto& [name, value] : state.fingerprint) fingerprint[name] = json::parse(value);
  return json::serialize(object);
}

LoaderState state_from_json(std::string_view text, const Fingerprint& expected,
                            const ResumeOptions& options) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error) throw std::invalid_argument("state: no JSON: " + error.message());
  const JsonObject object(parsed, "state");
  if (const std::uint64_t version = object.number("version"); version != kStateVersion) {
    throw std::invalid_argument("state: version " + std::to_string(version) + ", and this is for " +
                                std::to_string(kStateVersion));
  }
  const JsonObject fingerprint = object.at("fingerprint");
  const json::object& saved = fingerprint.object();
  if (const std::string found =
          differences(saved, expected, options.new_shares ? kShares : std::string_view());
      !found.empty()) {
    throw std::invalid_argument("state: of another dataset or of other options: " + found);
  }
  LoaderState state;
  state.seed = object.number("seed");
  if (const json::value* seed = saved.if_contains("seed");
      seed == nullptr || *seed != json::value(state.seed)) {
    throw std::invalid_argument("state: \"seed\" is not that of its own fingerprint");
  }
  state.epoch = object.number("epoch");
  state.point = point_from(object);
  state.fingerprint = expected;
  const auto shares = std::find_if(expected.begin(), expected.end(),
                                   [](const auto& entry) { return entry.first == kShares; });
  if (shares == expected.end()) return state;
  read_mixture(object.at("mixture"), saved.if_contains(kShares), json::parse(shares->second),
               state);
  return state;
}

}  // namespace millrace
