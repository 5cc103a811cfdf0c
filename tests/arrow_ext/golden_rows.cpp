#include "golden_rows.h"

#include <set>
#include <sstream>
#include <string_view>

#include "reference_data.h"

namespace millrace::test {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view text_of(const Field& field) {
  return {reinterpret_cast<const char*>(field.data.data()), field.data.size()};
}

bool has_key(element value, std::string_view key) {
  element found;
  return value.at_key(key).get(found) == simdjson::SUCCESS;
}

bool is_object_of(element value, std::string_view one, std::string_view other) {
  return value.is_object() && value.get_object().size() == 2 && has_key(value, one) &&
         has_key(value, other);
}

bool is_bytes(element value) { return is_object_of(value, "bytes", "sha256"); }
bool is_image(element value) { return is_object_of(value, "bytes", "path"); }

// Numbers that are none in JSON, which the manifests have as Python's str.
std::string_view odd_number(std::string_view python) {
  if (python == "nan") return "NaN";
  if (python == "inf") return "Infinity";
  return python == "-inf" ? "-Infinity" : "";
}

class Comparison {
 public:
  explicit Comparison(const Sample& sample) : sample_(sample) {}

  void top_level(element golden, const std::string& name) {
    const Field* field = sample_.find(name);
    if (golden.is_null()) {
      if (field) differs(name, "a field where there is a null");
    } else if (is_bytes(golden)) {
      bytes(golden, name);
    } else if (is_image(golden)) {
      image(golden, name);
    } else if (!field) {
      differs(name, "no field");
    } else if (golden.is_string()) {
      seen_.insert(name);
      const std::string_view text = golden.get_string();
      if (text_of(*field) != text && text_of(*field) != odd_number(text)) {
        differs(name, "other text");
      }
    } else if (golden.is_array() || golden.is_object()) {
      seen_.insert(name);
      simdjson::dom::parser parser;
      element json;
      if (parser.parse(text_of(*field).data(), field->data.size()).get(json)) {
        return differs(name, "no JSON: " + std::string(text_of(*field)));
      }
      nested(golden, &json, name);
    } else {
      seen_.insert(name);
      simdjson::dom::parser parser;
      element json;
      const std::string text(text_of(*field));
      if (parser.parse(text).get(json)) return differs(name, "no number: " + text);
      nested(golden, &json, name);
    }
  }

  std::string result() {
    for (const Field& field : sample_.fields()) {
      if (!seen_.contains(field.name)) differs(field.name, "a field that is not in the row");
    }
    return what_.str();
  }

 private:
  void differs(const std::string& path, const std::string& how) {
    what_ << path << ": " << how << "; ";
  }

  void bytes(element golden, const std::string& path) {
    const Field* field = sample_.find(path);
    if (!field) return differs(path, "no bytes");
    seen_.insert(path);
    if (field->data.size() != std::uint64_t(golden["bytes"]) ||
        sha256_hex(field->data.data(), field->data.size()) != std::string_view(golden["sha256"])) {
      differs(path, "other bytes");
    }
  }

  void image(element golden, const std::string& path) {
    if (!golden["bytes"].is_null()) bytes(golden["bytes"], path);
    if (golden["path"].is_null()) return;
    const Field* field = sample_.find(path + ".path");
    if (!field) return differs(path, "no path");
    seen_.insert(path + ".path");
    if (text_of(*field) != std::string_view(golden["path"])) differs(path, "another path");
  }

  // `json` null: it is left out.
  void nested(element golden, const element* json, const std::string& path) {
    if (is_bytes(golden)) return bytes(golden, path);
    if (is_image(golden)) return image(golden, path);
    if (!json) {
      // A null where bytes would be.
      return golden.is_null() ? void() : differs(path, "is left out");
    }
    if (golden.is_array() && json->is_object()) return map(golden, *json, path);
    if (golden.is_array()) {
      if (!json->is_array() || json->get_array().size() != golden.get_array().size()) {
        return differs(path, "another length");
      }
      std::size_t i = 0;
      for (const element one : golden.get_array()) {
        const element other = json->at(i);
        nested(one, &other, path + '.' + std::to_string(i++));
      }
      return;
    }
    if (golden.is_object()) {
      for (const auto [key, value] : golden.get_object()) {
        element other;
        const bool there = json->at_key(key).get(other) == simdjson::SUCCESS;
        nested(value, there ? &other : nullptr, path + '.' + lower_case(key));
      }
      return;
    }
    if (golden.is_number() && json->is_number()) {
      if (golden.type() == element_type::DOUBLE || json->type() == element_type::DOUBLE) {
        if (golden.type() != json->type() ||
            golden.get_double().value() != json->get_double().value()) {
          differs(path, "another number");
        }
        return;
      }
    }
    if (golden.is_string() && json->is_null()) {
      if (!odd_number(golden.get_string()).empty()) return;
    }
    if (simdjson::to_string(golden) != simdjson::to_string(*json)) {
      differs(path, simdjson::to_string(*json) + " for " + simdjson::to_string(golden));
    }
  }

  // Python has lists of pairs.
  void map(element golden, element json, const std::string& path) {
    for (const element pair : golden.get_array()) {
      const std::string_view key = pair.at(0).get_string();
      element other;
      const bool there = json.at_key(key).get(other) == simdjson::SUCCESS;
      nested(pair.at(1), there ? &other : nullptr, path + '.' + lower_case(key));
    }
    if (json.get_object().size() > golden.get_array().size()) differs(path, "more entries");
  }

  const Sample& sample_;
  std::set<std::string> seen_;
  std::ostringstream what_;
};

}  // namespace

std::string difference(element golden_row, const Sample& sample) {
  Comparison comparison(sample);
  for (const auto [key, value] : golden_row.get_object()) {
    comparison.top_level(value, lower_case(key));
  }
  return comparison.result();
}

}  // namespace millrace::test
