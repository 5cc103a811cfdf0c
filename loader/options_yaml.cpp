#include "millrace/loader/options_yaml.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <yaml-cpp/yaml.h>
#include <boost/json.hpp>

#include "millrace/formats/index/folder_indexes.h"
#include "millrace/loader/json_object-inl.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/options_json.h"

namespace millrace {

namespace json = boost::json;

namespace {

// An alias may stand for a large part of the document, again and again.
constexpr std::size_t kMostValues = 100'000;
constexpr int kDeepest = 64;

[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) {
  throw std::invalid_argument("line " + std::to_string(mark.line + 1) + ": " + what);
}

// YAML 1.2's core schema: what a plain scalar is.
json::value plain_value(const std::string& text) {
  static constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
  static constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};
  const auto is_one_of = [&](const auto& names) {
    return std::find(names.begin(), names.end(), text) != names.end();
  };
  if (is_one_of(kNulls)) return nullptr;
  if (is_one_of(kTrue)) return true;
  if (is_one_of(kFalse)) return false;
  const char* begin = text.data();
  const char* end = begin + text.size();
  std::int64_t whole = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, whole);
      error == std::errc() && stop == end) {
    return whole;
  }
  std::uint64_t large = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, large);
      error == std::errc() && stop == end) {
    return large;
  }
  double number = 0;
  if (const auto [stop, error] = std::from_chars(begin, end, number);
      error == std::errc() && stop == end && std::isfinite(number)) {
    return number;
  }
  return json::string(text);
}

class Conversion {
 public:
  json::value value(const YAML::Node& node, int depth = 0) {
    if (++values_ > kMostValues) {
      refuse(node.Mark(), "more than " + std::to_string(kMostValues) + " values");
    }
    if (depth > kDeepest) refuse(node.Mark(), "nested too deep");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return nullptr;
      case YAML::NodeType::Scalar:
        return node.Tag() == "!" ? json::value(json::string(node.Scalar()))
                                 : plain_value(node.Scalar());
      case YAML::NodeType::Sequence: {
        json::array list;
        for (const YAML::Node& entry : node) list.push_back(value(entry, depth + 1));
        return list;
      }
      case YAML::NodeType::Map: {
        json::object object;
        for (const auto& entry : node) {
          if (!entry.first.IsScalar()) refuse(entry.first.Mark(), "a key that is no text");
          const std::string& key = entry.first.Scalar();
          if (object.contains(key))
            refuse(entry.first.Mark(), "the key \"" + key + "\" is there twice");
          object[key] = value(entry.second, depth + 1);
        }
        return object;
      }
    }
    return nullptr;
  }

 private:
  std::size_t values_ = 0;
};

// One part of a spec, as seen from `folder`.
std::string path_beside(std::string_view folder, std::string_view path) {
  const bool stays = path.empty() || path == "-" || path.front() == '/' || path.front() == '$' ||
                     path.starts_with("pipe:") || path.find("://") != std::string_view::npos;
  if (stays) return std::string(path);
  const std::size_t list = path.front() == '@' ? 1 : 0;
  if (list == 1 && path.size() > 1 && path[1] == '/') return std::string(path);
  return std::string(path.substr(0, list)) + std::string(folder) + std::string(path.substr(list));
}

std::string spec_beside(std::string_view folder, std::string_view spec) {
  std::string joined;
  while (true) {
    const std::size_t end = spec.find("::");
    joined += path_beside(folder, spec.substr(0, end));
    if (end == std::string_view::npos || spec.starts_with("pipe:")) return joined;
    joined += "::";
    spec.remove_prefix(end + 2);
  }
}

// The path or the paths at `key`.
void put_beside(std::string_view folder, json::object& object, std::string_view key) {
  json::value* value = object.if_contains(key);
  if (value == nullptr) return;
  const auto put = [&](json::value& path) {
    if (path.is_string()) path = json::string(spec_beside(folder, path.get_string()));
  };
  put(*value);
  if (value->is_array()) {
    for (json::value& path : value->get_array()) put(path);
  }
}

// Key lists name files by `@FILE` only; a key may look like any path.
void put_key_files_beside(std::string_view folder, json::object& select, std::string_view key) {
  json::value* keys = select.if_contains(key);
  if (keys == nullptr || !keys->is_array()) return;
  for (json::value& entry : keys->get_array()) {
    if (entry.is_string() && entry.get_string().starts_with('@')) {
      entry = json::string(path_beside(folder, entry.get_string()));
    }
  }
}

json::object* object_at(json::object& object, std::string_view key) {
  json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

void put_source_beside(std::string_view folder, json::object& source) {
  put_beside(folder, source, "sources");
  if (json::object* read = object_at(source, "read")) {
    put_beside(folder, *read, "image_root");
    put_beside(folder, *read, "image_tars");
  }
  if (json::object* select = object_at(source, "select")) {
    put_key_files_beside(folder, *select, "keep_keys");
    put_key_files_beside(folder, *select, "drop_keys");
  }
}

// What `loaders` says, as the ReadOptions that every dataset has where it says nothing else.
json::object read_of_loaders(const json::value& loaders, std::string_view folder) {
  if (!loaders.is_array()) throw std::invalid_argument("loaders: not a list");
  json::object read;
  for (const json::value& entry : loaders.get_array()) {
    const JsonObject loader(entry, "loaders");
    loader.allow_only({"loader_type", "modality_type", "base_path"});
    if (loader.text("modality_type") != "image") loader.wrong("modality_type", "\"image\"");
    const std::string type = loader.text("loader_type");
    if (type == "raw-image") {
      if (loader.has("base_path")) loader.wrong("base_path", "left out: raw images have no paths");
      // Where another loader follows paths, those that are there are followed.
      if (!read.contains("image_root")) read["image_paths"] = json::array();
    } else if (type == "fs-image") {
      const std::string base = loader.has("base_path") ? loader.text("base_path") : std::string();
      read["image_root"] = json::string(path_beside(folder, base));
      read.erase("image_paths");
    } else {
      loader.wrong("loader_type", R"("raw-image" or "fs-image")");
    }
  }
  return read;
}

// `loaders` and `datasets` in terms of the options.
void translate(json::object& options, std::string_view folder) {
  json::object read;
  if (const json::value* loaders = options.if_contains("loaders")) {
    read = read_of_loaders(*loaders, folder);
    options.erase("loaders");
  }
  if (json::value* datasets = options.if_contains("datasets")) {
    if (options.contains("mixture")) {
      throw std::invalid_argument("datasets: there is a mixture, too, which is the same");
    }
    if (!datasets->is_array()) throw std::invalid_argument("datasets: not a list");
    for (json::value& entry : datasets->get_array()) {
      json::object* source = entry.if_object();
      if (source == nullptr) throw std::invalid_argument("datasets: an entry is no mapping");
      JsonObject(entry, "datasets")
          .allow_only(
              {"packed_path", "sources", "name", "weight", "samples_per_epoch", "select", "read"});
      const json::value* path = source->if_contains("packed_path");
      if (path == nullptr) continue;
      if (source->contains("sources")) {
        throw std::invalid_argument("datasets: packed_path and sources are the same; name one");
      }
      json::value kept = *path;
      source->erase("packed_path");
      (*source)["sources"] = std::move(kept);
    }
    json::value mixture = std::move(*datasets);
    options.erase("datasets");
    options["mixture"] = std::move(mixture);
  }
  const auto give_defaults = [&](json::object& source) {
    if (read.empty()) return;
    if (!source.contains("read")) source["read"] = json::object();
    json::object* own = object_at(source, "read");
    if (own == nullptr) return;  // of a wrong type: options_from_json says so
    for (const auto& [key, value] : read) {
      if (!own->contains(key)) (*own)[key] = value;
    }
  };
  put_source_beside(folder, options);
  json::value* mixture = options.if_contains("mixture");
  if (mixture == nullptr) {
    give_defaults(options);
  } else if (mixture->is_array()) {
    for (json::value& entry : mixture->get_array()) {
      if (json::object* source = entry.if_object()) {
        put_source_beside(folder, *source);
        give_defaults(*source);
      }
    }
  }
  put_beside(folder, options, "ledger_path");
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    throw LoaderError(
        Error{Reason::io_error, "cannot read the description", path, Error::kNoOffset, {}});
  }
  return text.str();
}

}  // namespace

std::string yaml_to_json(const std::string& path) {
  const std::string text = text_of(path);
  try {
    json::value options = Conversion().value(YAML::Load(text));
    if (!options.is_object()) throw std::invalid_argument("not a mapping of options");
    JsonObject(options, "").allow_only({"datasets", "loaders"}, option_names());
    translate(options.get_object(), folder_of(path));
    return json::serialize(options);
  } catch (const YAML::Exception& error) {
    throw std::invalid_argument(path + ": line " + std::to_string(error.mark.line + 1) + ": " +
                                error.msg);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

LoaderOptions options_from_yaml(const std::string& path) {
  const std::string json = yaml_to_json(path);
  try {
    return options_from_json(json);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

}  // namespace millrace
