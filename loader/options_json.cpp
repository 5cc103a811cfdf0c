#include "millrace/loader/options_json.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <vector>

#include <boost/json.hpp>

namespace millrace {

namespace json = boost::json;

namespace {

// Levenshtein distance, to suggest the name that was meant.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

/// One JSON object that is read key by key; every message names the place.
class Reader {
 public:
  Reader(const json::value& value, std::string place) : place_(std::move(place)) {
    if (!value.is_object()) throw std::invalid_argument(place_ + ": not a JSON object");
    object_ = &value.get_object();
  }

  void allow_only(std::initializer_list<std::string_view> known) const {
    for (const auto& entry : *object_) {
      const std::string_view key(entry.key().data(), entry.key().size());
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto nearest =
          std::min_element(known.begin(), known.end(), [&](std::string_view a, std::string_view b) {
            return edit_distance(key, a) < edit_distance(key, b);
          });
      throw std::invalid_argument((place_.empty() ? "" : place_ + ": ") + "unknown option \"" +
                                  std::string(key) + "\"; the nearest known one is \"" +
                                  std::string(*nearest) + "\"");
    }
  }

  const json::value* find(std::string_view key) const { return object_->if_contains(key); }
  const json::object& object() const { return *object_; }
  std::string place(std::string_view key) const {
    return place_.empty() ? std::string(key) : place_ + "." + std::string(key);
  }

  std::string text(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr || !value->is_string()) wrong(key, "a string");
    return std::string(value->get_string());
  }

  void read(std::string_view key, std::uint64_t& to) const {
    const json::value* value = find(key);
    if (value == nullptr) return;
    if (value->is_uint64()) {
      to = value->get_uint64();
    } else if (value->is_int64() && value->get_int64() >= 0) {
      to = static_cast<std::uint64_t>(value->get_int64());
    } else {
      wrong(key, "a whole number that is not negative");
    }
  }

  void read(std::string_view key, double& to) const {
    const json::value* value = find(key);
    if (value == nullptr) return;
    if (!value->is_number()) wrong(key, "a number");
    to = value->to_number<double>();
  }

  void read(std::string_view key, bool& to) const {
    const json::value* value = find(key);
    if (value == nullptr) return;
    if (!value->is_bool()) wrong(key, "true or false");
    to = value->get_bool();
  }

  [[noreturn]] void wrong(std::string_view key, const std::string& wanted) const {
    const json::value* value = find(key);
    throw std::invalid_argument(place(key) + " = " +
                                (value != nullptr ? json::serialize(*value) : "(nothing)") +
                                ": must be " + wanted);
  }

 private:
  std::string place_;
  const json::object* object_ = nullptr;
};

// Sizes that are ints in the interfaces: what does not fit is out of their range anyway.
int small_int(const Reader& from, std::string_view key, int otherwise) {
  auto value = static_cast<std::uint64_t>(otherwise);
  from.read(key, value);
  if (value > 1'000'000'000) from.wrong(key, "smaller");
  return static_cast<int>(value);
}

std::shared_ptr<const Transform> read_image_transform(const Reader& from) {
  from.allow_only({"type", "size", "max_image_pixels", "max_jpeg_scans"});
  DecodeOptions decode;
  from.read("max_image_pixels", decode.max_image_pixels);
  decode.max_jpeg_scans = small_int(from, "max_jpeg_scans", decode.max_jpeg_scans);
  const std::string type = from.text("type");
  const int size = small_int(from, "size", 224);
  if (type == "clip_image") return clip_transform(size, decode);
  if (type == "clip_pixels") return clip_pixels(size, decode);
  from.wrong("type", R"("clip_image" or "clip_pixels")");
}

std::shared_ptr<const ClipTokenizer> read_tokenizer(const Reader& from) {
  from.allow_only({"type", "context_length"});
  if (from.text("type") != "clip") from.wrong("type", "\"clip\"");
  return std::make_shared<const ClipTokenizer>(small_int(from, "context_length", 77));
}

Dtype read_number_dtype(const Reader& from) {
  if (from.find("dtype") == nullptr) return Dtype::float64;
  const std::string name = from.text("dtype");
  for (const Dtype dtype : {Dtype::float64, Dtype::float32, Dtype::int64}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  from.wrong("dtype", R"("float64", "float32" or "int64")");
}

Column read_column(const Reader& from) {
  const std::string type = from.text("type");
  if (type == "image") {
    from.allow_only({"type", "fields", "transform"});
    const json::value* transform = from.find("transform");
    if (transform == nullptr) from.wrong("transform", "an object");
    return image(from.text("fields"),
                 read_image_transform(Reader(*transform, from.place("transform"))));
  }
  if (type == "text") {
    from.allow_only({"type", "fields", "tokenizer"});
    const json::value* tokenizer = from.find("tokenizer");
    if (tokenizer == nullptr) from.wrong("tokenizer", "an object");
    return text(from.text("fields"), read_tokenizer(Reader(*tokenizer, from.place("tokenizer"))));
  }
  if (type == "raw") {
    from.allow_only({"type", "fields"});
    return raw(from.text("fields"));
  }
  if (type == "number") {
    from.allow_only({"type", "fields", "dtype"});
    return number(from.text("fields"), read_number_dtype(from));
  }
  from.wrong("type", R"("image", "text", "raw" or "number")");
}

// A list of strings, or one string.
std::vector<std::string> read_texts(const Reader& from, std::string_view key) {
  const json::value* value = from.find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(value->get_string())};
  if (!value->is_array()) from.wrong(key, "a string or a list of strings");
  std::vector<std::string> texts;
  for (const json::value& text : value->get_array()) {
    if (!text.is_string()) from.wrong(key, "a string or a list of strings");
    texts.emplace_back(text.get_string());
  }
  return texts;
}

Selection read_selection(const Reader& parent) {
  Selection selection;
  const json::value* value = parent.find("select");
  if (value == nullptr) return selection;
  const Reader from(*value, parent.place("select"));
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
  if (from.find("where") != nullptr) selection.where = from.text("where");
  selection.keep_keys = read_texts(from, "keep_keys");
  selection.drop_keys = read_texts(from, "drop_keys");
  from.read("every", selection.every);
  from.read("every_offset", selection.every_offset);
  return selection;
}

std::vector<MixtureSource> read_mixture(const Reader& options) {
  const json::value* value = options.find("mixture");
  if (value == nullptr) return {};
  if (!value->is_array()) options.wrong("mixture", "a list of objects");
  std::vector<MixtureSource> mixture;
  for (const json::value& entry : value->get_array()) {
    const Reader from(entry, "mixture[" + std::to_string(mixture.size()) + "]");
    from.allow_only({"name", "sources", "weight", "samples_per_epoch", "select"});
    MixtureSource& source = mixture.emplace_back();
    if (from.find("name") != nullptr) source.name = from.text("name");
    source.sources = read_texts(from, "sources");
    from.read("weight", source.weight);
    from.read("samples_per_epoch", source.samples_per_epoch);
    source.select = read_selection(from);
  }
  return mixture;
}

StopAt read_stop_at(const Reader& from, StopAt otherwise) {
  if (from.find("stop_at") == nullptr) return otherwise;
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

void read_shuffle_window(const Reader& from, LoaderOptions& options) {
  const json::value* value = from.find("shuffle_window");
  if (value == nullptr || !value->is_string()) {
    from.read("shuffle_window", options.shuffle_window);
    return;
  }
  const std::optional<std::uint64_t> bytes = bytes_of(from.text("shuffle_window"));
  if (!bytes || *bytes == 0) from.wrong("shuffle_window", "samples, or bytes as in \"512MiB\"");
  options.shuffle_window_bytes = *bytes;
}

void read_error_budget(const Reader& from, ErrorBudget& budget) {
  const json::value* value = from.find("error_budget");
  if (value == nullptr) return;
  if (value->is_number()) {
    budget.share = value->to_number<double>();
    return;
  }
  const Reader parts(*value, from.place("error_budget"));
  parts.allow_only({"share", "consecutive"});
  parts.read("share", budget.share);
  parts.read("consecutive", budget.consecutive);
}

OnBadSample read_on_bad_sample(const Reader& from, OnBadSample otherwise) {
  if (from.find("on_bad_sample") == nullptr) return otherwise;
  const std::string name = from.text("on_bad_sample");
  for (const OnBadSample policy :
       {OnBadSample::substitute, OnBadSample::skip, OnBadSample::raise}) {
    if (name == on_bad_sample_name(policy)) return policy;
  }
  from.wrong("on_bad_sample", R"("substitute", "skip" or "raise")");
}

PinMemory read_pin_memory(const Reader& from, PinMemory otherwise) {
  const json::value* value = from.find("pin_memory");
  if (value == nullptr) return otherwise;
  if (value->is_bool()) return value->get_bool() ? PinMemory::on : PinMemory::off;
  if (value->is_string() && value->get_string() == "auto") return PinMemory::automatic;
  from.wrong("pin_memory", "\"auto\", true or false");
}

}  // namespace

LoaderOptions options_from_json(std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error) throw std::invalid_argument("options: not valid JSON: " + error.message());
  const Reader from(parsed, "");
  from.allow_only({"sources",
                   "streaming",
                   "allow_commands",
                   "select",
                   "mixture",
                   "temperature",
                   "stop_at",
                   "samples_per_epoch",
                   "columns",
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
                   "pin_memory",
                   "use_index",
                   "ledger_path"});
  LoaderOptions options;
  options.sources = read_texts(from, "sources");
  from.read("streaming", options.streaming);
  from.read("allow_commands", options.allow_commands);
  options.select = read_selection(from);
  options.mixture = read_mixture(from);
  from.read("temperature", options.temperature);
  options.stop_at = read_stop_at(from, options.stop_at);
  from.read("samples_per_epoch", options.samples_per_epoch);
  if (const json::value* columns = from.find("columns")) {
    options.columns.clear();
    const Reader by_name(*columns, "columns");
    for (const auto& entry : by_name.object()) {
      const std::string name(entry.key());
      options.columns.emplace_back(name, read_column(Reader(entry.value(), by_name.place(name))));
    }
  }
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
  options.pin_memory = read_pin_memory(from, options.pin_memory);
  from.read("use_index", options.use_index);
  if (from.find("ledger_path") != nullptr) options.ledger_path = from.text("ledger_path");
  return options;
}

}  // namespace millrace
