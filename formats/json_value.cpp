#include "millrace/formats/json_value.h"

#include <cstring>

#include <simdjson.h>

namespace millrace {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = simdjson::DEFAULT_MAX_DEPTH;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

// RFC 8259, section 6.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t integer_digits = digits_at(text, at);
  if (integer_digits == 0 || (integer_digits > 1 && text[at] == '0')) return false;
  at += integer_digits;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction_digits = digits_at(text, at + 1);
    if (fraction_digits == 0) return false;
    at += 1 + fraction_digits;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent_digits = digits_at(text, at);
    if (exponent_digits == 0) return false;
    at += exponent_digits;
  }
  return at == text.size();
}

bool is_scalar_token(std::string_view token) {
  return token == "null" || token == "true" || token == "false" || is_number(token);
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Whether the escapes of a string are well formed; `text` begins behind its opening quote, and a
// closing one is known to follow. A lone surrogate is well formed, as in RFC 8259's grammar.
bool escapes_are_valid(const char* text) {
  for (; *text != '"'; ++text) {
    if (*text != '\\') continue;
    ++text;
    if (*text == 'u') {
      for (int digit = 0; digit < 4; ++digit) {
        if (!is_hex(*++text)) return false;
      }
    } else if (*text == '\0' || std::strchr("\"\\/bfnrt", *text) == nullptr) {
      return false;
    }
  }
  return true;
}

// Walks the whole document, because simdjson's on-demand parser checks only what it is asked for,
// and a document that is broken behind the value is broken all the same. The document parser would
// check all, but it keeps the first of duplicate keys and turns numbers into machine numbers.
class Walk {
 public:
  /// `values`: where all of them go; null: the first is enough.
  Walk(std::string_view text, std::span<const std::string> path,
       std::vector<std::string_view>* values)
      : text_(text), path_(path), values_(values) {}

  simdjson::error_code run(ondemand::document& document) {
    bool scalar = false;
    if (auto error = document.is_scalar().get(scalar)) return error;
    if (scalar) return root_scalar(document);
    ondemand::value root;
    if (auto error = document.get_value().get(root)) return error;
    if (auto error = visit(root, 0, 1)) return error;
    return check_end(document);
  }
  const JsonValueReader::Answer& answer() const { return answer_; }

 private:
  using Found = JsonValueReader::Found;
  /// Level of values that are not on the path.
  static constexpr std::size_t kOff = ~std::size_t{0};

  // No path leads to a document that is a scalar, so only its validity matters.
  simdjson::error_code root_scalar(ondemand::document& document) const {
    ondemand::json_type type{};
    if (auto error = document.type().get(type)) return error;
    if (type != ondemand::json_type::string) {
      return is_scalar_token(trim(text_)) ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
    }
    if (auto error = document.get_string().error()) return error;
    return check_end(document);
  }

  // The location is out of bounds where nothing follows.
  static simdjson::error_code check_end(ondemand::document& document) {
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS
               ? simdjson::SUCCESS
               : simdjson::TRAILING_CONTENT;
  }

  // `level`: how many keys of the path led here, or kOff.
  simdjson::error_code visit(ondemand::value value, std::size_t level, int depth) {
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return error;
    const bool container =
        type == ondemand::json_type::object || type == ondemand::json_type::array;
    if (container && depth > kMaxDepth) return simdjson::DEPTH_ERROR;
    if (type == ondemand::json_type::object) return visit_object(value, level, depth);
    if (type == ondemand::json_type::array) return visit_array(value, level, depth);
    const bool wanted = level == path_.size();
    if (type == ondemand::json_type::string) {
      if (!wanted) return visit_other_string(value);
      std::string_view found;
      if (auto error = value.get_string().get(found)) return error;
      keep(found);
      return simdjson::SUCCESS;
    }
    const std::string_view token = trim(value.raw_json_token());
    if (!is_scalar_token(token)) return simdjson::TAPE_ERROR;
    if (wanted && token != "null") keep(token);
    return simdjson::SUCCESS;
  }

  void keep(std::string_view value) {
    answer_.found = Found::value;
    answer_.text = value;
    if (values_ != nullptr) values_->push_back(value);
  }

  static simdjson::error_code visit_other_string(ondemand::value value) {
    ondemand::raw_json_string raw;
    if (auto error = value.get_raw_json_string().get(raw)) return error;
    return escapes_are_valid(raw.raw()) ? simdjson::SUCCESS : simdjson::STRING_ERROR;
  }

  simdjson::error_code visit_object(ondemand::value value, std::size_t level, int depth) {
    if (level == path_.size()) answer_.found = Found::object;
    const std::size_t values_before = values_ != nullptr ? values_->size() : 0;
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return error;
    for (auto result : object) {
      ondemand::field field;
      if (auto error = std::move(result).get(field)) return error;
      std::string_view key;
      if (auto error = field.unescaped_key().get(key)) return error;
      const bool on_path = level < path_.size() && key == path_[level];
      // The last of duplicate keys counts, whatever the earlier ones led to.
      if (on_path) {
        answer_ = {};
        if (values_ != nullptr) values_->resize(values_before);
      }
      if (auto error = visit(field.value(), on_path ? level + 1 : kOff, depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code visit_array(ondemand::value value, std::size_t level, int depth) {
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return error;
    for (auto result : array) {
      if (auto error = result.error()) return error;
      if (auto error = visit(result.value_unsafe(), level, depth + 1)) return error;
      if (values_ == nullptr) level = kOff;
    }
    return simdjson::SUCCESS;
  }

  std::string_view text_;
  std::span<const std::string> path_;
  std::vector<std::string_view>* values_;
  JsonValueReader::Answer answer_;
};

}  // namespace

struct JsonValueReader::Buffers {
  ondemand::parser parser;
  std::vector<char> padded;
};

JsonValueReader::JsonValueReader() : buffers_(std::make_unique<Buffers>()) {}
JsonValueReader::~JsonValueReader() = default;
JsonValueReader::JsonValueReader(JsonValueReader&&) noexcept = default;
JsonValueReader& JsonValueReader::operator=(JsonValueReader&&) noexcept = default;

JsonValueReader::Answer JsonValueReader::find(std::span<const std::uint8_t> json,
                                              std::span<const std::string> path) {
  return walk(json, path, nullptr);
}

JsonValueReader::Answer JsonValueReader::find_all(std::span<const std::uint8_t> json,
                                                  std::span<const std::string> path,
                                                  std::vector<std::string_view>& values) {
  values.clear();
  Answer answer = walk(json, path, &values);
  if (answer.found == Found::invalid) {
    values.clear();
  } else if (!values.empty()) {
    answer.found = Found::value;
    answer.text = values.front();
  }
  return answer;
}

JsonValueReader::Answer JsonValueReader::walk(std::span<const std::uint8_t> json,
                                              std::span<const std::string> path,
                                              std::vector<std::string_view>* values) {
  if (json.size() >= 3 && std::memcmp(json.data(), "\xef\xbb\xbf", 3) == 0) json = json.subspan(3);
  // simdjson reads past the end of what it is given.
  std::vector<char>& padded = buffers_->padded;
  if (padded.size() < json.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(json.size() + simdjson::SIMDJSON_PADDING);
  }
  if (!json.empty()) std::memcpy(padded.data(), json.data(), json.size());
  std::memset(padded.data() + json.size(), 0, simdjson::SIMDJSON_PADDING);

  Walk walk({padded.data(), json.size()}, path, values);
  ondemand::document document;
  auto error = buffers_->parser.iterate(padded.data(), json.size(), padded.size()).get(document);
  if (!error) error = walk.run(document);
  if (!error) return walk.answer();
  Answer answer;
  answer.found = Found::invalid;
  answer.why = simdjson::error_message(error);
  return answer;
}

}  // namespace millrace
