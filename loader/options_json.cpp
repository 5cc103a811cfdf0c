#include "millrace/loader/options_json.h"

#include <charconv>
#include <optional>
#include <stdexcept>
#include <vector>

#include "millrace/loader/columns_json-inl.h"
#include "millrace/loader/json_object-inl.h"
#include "millrace/loader/read_options_json-inl.h"

namespace millrace {

namespace json = boost::json;

namespace {

Selection read_selection(const JsonObject& parent) {
  Selection selection;
  if (!parent.has("select")) return selection;
  const JsonObject from = parent.at("select");
  from.allow_only({"shards", "where", "keep_keys", "drop_keys", "every", "every_offset"});
  if (const json::value* shards = from.find("shards")) {
    const bool pair = shards->is_array() && shards->get_array().size() == 2;
    if (!pair) from.wrong("shards", "[begin, end]");
    const auto bound = [&](std::size_t i, std::uint64_t& to) {
      const json::value& number = shards->get_array()[i];
      if (i == 1 && number.is_null()) return;  // to the end
      if (!number.is_int64() || number.get_int64() < 0) from.wrong("shards", "[begin, end]");
      to = static_cast<std::uint64_t>(number.get_int64());
    };
    bound(0, selection.shards_begin);
    bound(1, selection.shards_end);
  }
  from.read("where", selection.where);
  selection.keep_keys = from.texts("keep_keys");
  selection.drop_keys = from.texts("drop_keys");
  from.read("every", selection.every);
  from.read("every_offset", selection.every_offset);
  return selection;
}

std::vector<MixtureSource> read_mixture(const JsonObject& options) {
  const json::value* value = options.find("mixture");
  if (value == nullptr) return {};
  if (!value->is_array()) options.wrong("mixture", "a list of objects");
  std::vector<MixtureSource> mixture;
  for (const json::value& entry : value->get_array()) {
    const JsonObject from(entry, "mixture[" + std::to_string(mixture.size()) + "]");
    from.allow_only({"name", "sources", "weight", "samples_per_epoch", "select", "read"});
    MixtureSource& source = mixture.emplace_back();
    from.read("name", source.name);
    source.sources = from.texts("sources");
    from.read("weight", source.weight);
    from.read("samples_per_epoch", source.samples_per_epoch);
    source.select = read_selection(from);
    if (from.has("read")) source.read = read_read_options(from.at("read"));
  }
  return mixture;
}

std::vector<AspectBucket> read_buckets(const JsonObject& options) {
  const json::value* value = options.find("buckets");
  if (value == nullptr) return {};
  if (!value->is_array()) options.wrong("buckets", "a list of objects");
  std::vector<AspectBucket> buckets;
  for (const json::value& entry : value->get_array()) {
    const JsonObject from(entry, "buckets[" + std::to_string(buckets.size()) + "]");
    from.allow_only({"size", "columns"});
    const std::vector<std::uint64_t> size = from.numbers("size");
    const auto is_side = [](std::uint64_t side) { return side >= 1 && side <= kLargestImageSide; };
    if (size.size() != 2 || !is_side(size[0]) || !is_side(size[1])) {
      from.wrong("size", "[height, width], each 1 to " + std::to_string(kLargestImageSide));
    }
    buckets.push_back(
        {{static_cast<int>(size[1]), static_cast<int>(size[0])}, read_columns(from.at("columns"))});
  }
  return buckets;
}

StopAt read_stop_at(const JsonObject& from, StopAt otherwise) {
  if (!from.has("stop_at")) return otherwise;
  const std::string name = from.text("stop_at");
  for (const StopAt stop_at : {StopAt::first_exhausted, StopAt::last_exhausted}) {
    if (name == stop_at_name(stop_at)) return stop_at;
  }
  from.wrong("stop_at", R"("first_exhausted" or "last_exhausted")");
}

// `text` as a number of bytes: "512MiB", "4GB", "100000 B".
std::optional<std::uint64_t> bytes_of(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"B", 1},
      {"KB", 1000},
      {"MB", 1000'000},
      {"GB", 1000'000'000},
      {"TB", 1000'000'000'000},
      {"KiB", std::uint64_t{1} << 10},
      {"MiB", std::uint64_t{1} << 20},
      {"GiB", std::uint64_t{1} << 30},
      {"TiB", std::uint64_t{1} << 40}};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  for (const auto& [unit, bytes] : kUnits) {
    if (text == unit && number <= (std::uint64_t{1} << 62) / bytes) return number * bytes;
  }
  return std::nullopt;
}

void read_shuffle_window(const JsonObject& from, LoaderOptions& options) {
  const json::value* value = from.find("shuffle_window");
  if (value == nullptr || !value->is_string()) {
    from.read("shuffle_window", options.shuffle_window);
    return;
  }
  const std::optional<std::uint64_t> bytes = bytes_of(from.text("shuffle_window"));
  if (!bytes || *bytes == 0) from.wrong("shuffle_window", "samples, or bytes as in \"512MiB\"");
  options.shuffle_window_bytes = *bytes;
}

void read_error_budget(const JsonObject& from, ErrorBudget& budget) {
  const json::value* value = from.find("error_budget");
  if (value == nullptr) return;
  if (value->is_number()) {
    budget.share = value->to_number<double>();
    return;
  }
  const JsonObject parts(*value, from.place("error_budget"));
  parts.allow_only({"share", "consecutive"});
  parts.read("share", budget.share);
  parts.read("consecutive", budget.consecutive);
}

OnBadSample read_on_bad_sample(const JsonObject& from, OnBadSample otherwise) {
  if (!from.has("on_bad_sample")) return otherwise;
  const std::string name = from.text("on_bad_sample");
  for (const OnBadSample policy :
       {OnBadSample::substitute, OnBadSample::skip, OnBadSample::raise}) {
    if (name == on_bad_sample_name(policy)) return policy;
  }
  from.wrong("on_bad_sample", R"("substitute", "skip" or "raise")");
}

PinMemory read_pin_memory(const JsonObject& from, PinMemory otherwise) {
  const json::value* value = from.find("pin_memory");
  if (value == nullptr) return otherwise;
  if (value->is_bool()) return value->get_bool() ? PinMemory::on : PinMemory::off;
  if (value->is_string() && value->get_string() == "auto") return PinMemory::automatic;
  from.wrong("pin_memory", "\"auto\", true or false");
}

}  // namespace

std::span<const std::string_view> option_names() {
  static constexpr std::string_view kNames[] = {"sources",
                                                "streaming",
                                                "allow_commands",
                                                "read",
                                                "select",
                                                "mixture",
                                                "temperature",
                                                "stop_at",
                                                "samples_per_epoch",
                                                "columns",
                                                "buckets",
                                                "bucket_run",
                                                "batch_size",
                                                "shuffle",
                                                "shuffle_window",
                                                "shuffle_window_bytes",
                                                "seed",
                                                "epoch",
                                                "rank",
                                                "world_size",
                                                "drop_last",
                                                "on_bad_sample",
                                                "error_budget",
                                                "threads",
                                                "prefetch_batches",
                                                "read_ahead_bytes",
                                                "unpacked_cache_bytes",
                                                "pin_memory",
                                                "use_index",
                                                "ledger_path"};
  return kNames;
}

LoaderOptions options_from_json(std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error) throw std::invalid_argument("options: not valid JSON: " + error.message());
  const JsonObject from(parsed, "");
  from.allow_only({}, option_names());
  LoaderOptions options;
  options.sources = from.texts("sources");
  from.read("streaming", options.streaming);
  from.read("allow_commands", options.allow_commands);
  if (from.has("read")) options.read = read_read_options(from.at("read"));
  options.select = read_selection(from);
  options.mixture = read_mixture(from);
  from.read("temperature", options.temperature);
  options.stop_at = read_stop_at(from, options.stop_at);
  from.read("samples_per_epoch", options.samples_per_epoch);
  if (from.has("columns")) options.columns = read_columns(from.at("columns"));
  options.buckets = read_buckets(from);
  from.read("bucket_run", options.bucket_run);
  const auto read_size = [&](std::string_view key, std::size_t& to) {
    std::uint64_t value = to;
    from.read(key, value);
    to = value;
  };
  read_size("batch_size", options.batch_size);
  from.read("shuffle", options.shuffle);
  from.read("shuffle_window_bytes", options.shuffle_window_bytes);
  read_shuffle_window(from, options);
  from.read("seed", options.seed);
  from.read("epoch", options.epoch);
  from.read("rank", options.rank);
  from.read("world_size", options.world_size);
  from.read("drop_last", options.drop_last);
  options.on_bad_sample = read_on_bad_sample(from, options.on_bad_sample);
  read_error_budget(from, options.error_budget);
  read_size("threads", options.threads);
  read_size("prefetch_batches", options.prefetch_batches);
  from.read("read_ahead_bytes", options.read_ahead_bytes);
  from.read("unpacked_cache_bytes", options.unpacked_cache_bytes);
  options.pin_memory = read_pin_memory(from, options.pin_memory);
  from.read("use_index", options.use_index);
  from.read("ledger_path", options.ledger_path);
  return options;
}

}  // namespace millrace
