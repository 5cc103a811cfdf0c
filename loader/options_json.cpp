#include "millrace/loader/options_json.h"

#include <algorithm>
#include <initializer_list>
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
      throw std::invalid_argument(place_ + ": unknown option \"" + std::string(key) +
                                  "\"; the nearest known one is \"" + std::string(*nearest) + "\"");
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

std::vector<std::string> read_sources(const Reader& from) {
  const json::value* value = from.find("sources");
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(value->get_string())};
  if (!value->is_array()) from.wrong("sources", "a string or a list of strings");
  std::vector<std::string> sources;
  for (const json::value& source : value->get_array()) {
    if (!source.is_string()) from.wrong("sources", "a string or a list of strings");
    sources.emplace_back(source.get_string());
  }
  return sources;
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
  from.allow_only({"sources", "columns", "batch_size", "shuffle", "shuffle_window", "seed", "epoch",
                   "rank", "world_size", "drop_last", "on_bad_sample", "error_budget", "threads",
                   "prefetch_batches", "read_ahead_bytes", "pin_memory"});
  LoaderOptions options;
  options.sources = read_sources(from);
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
  from.read("shuffle_window", options.shuffle_window);
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
  return options;
}

}  // namespace millrace
