#include "millrace/formats/json_value.h"

#include <cstring>

#include <simdjson.h>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_token.h"

namespace millrace {

namespace {

namespace ondemand = simdjson::ondemand;

}  // namespace

// Walks the whole document, because simdjson's on-demand parser checks only what it is asked for,
// and a document that is broken behind the value is broken all the same. The document parser would
// check all, but it keeps the first of duplicate keys and turns numbers into machine numbers.
class JsonValueReader::Walk {
 public:
  /// `values`: where all of them go; else null.
  Walk(std::string_view text, std::span<const std::string> path, Entries entries,
       std::vector<std::string_view>* values)
      : text_(text), path_(path), entries_(entries), values_(values) {}

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

  // Only the empty path leads to a document that is a scalar; else its validity alone matters.
  simdjson::error_code root_scalar(ondemand::document& document) {
    ondemand::json_type type{};
    if (auto error = document.type().get(type)) return error;
    if (type != ondemand::json_type::string) {
      const std::string_view token = trim(text_);
      if (!json::is_scalar_token(token)) return simdjson::TAPE_ERROR;
      if (path_.empty() && token != "null") keep(token);
      return simdjson::SUCCESS;
    }
    std::string_view text;
    if (auto error = document.get_string().get(text)) return error;
    if (path_.empty()) keep(text);
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
    if (container && depth > kMaxJsonDepth) return simdjson::DEPTH_ERROR;
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
    if (!json::is_scalar_token(token)) return simdjson::TAPE_ERROR;
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
    return json::escapes_are_valid(raw.raw()) ? simdjson::SUCCESS : simdjson::STRING_ERROR;
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
      const bool is_enough = entries_ == Entries::first ||
                             (entries_ == Entries::first_value && answer_.found == Found::value);
      if (is_enough) level = kOff;
    }
    return simdjson::SUCCESS;
  }

  std::string_view text_;
  std::span<const std::string> path_;
  Entries entries_;
  std::vector<std::string_view>* values_;
  JsonValueReader::Answer answer_;
};

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
  return walk(json, path, Entries::first, nullptr);
}

JsonValueReader::Answer JsonValueReader::find_first(std::span<const std::uint8_t> json,
                                                    std::span<const std::string> path) {
  return walk(json, path, Entries::first_value, nullptr);
}

JsonValueReader::Answer JsonValueReader::find_all(std::span<const std::uint8_t> json,
                                                  std::span<const std::string> path,
                                                  std::vector<std::string_view>& values) {
  values.clear();
  Answer answer = walk(json, path, Entries::all, &values);
  if (answer.found == Found::invalid) {
    values.clear();
  } else if (!values.empty()) {
    answer.found = Found::value;
    answer.text = values.front();
  }
  return answer;
}

JsonValueReader::Answer JsonValueReader::walk(std::span<const std::uint8_t> json,
                                              std::span<const std::string> path, Entries entries,
                                              std::vector<std::string_view>* values) {
  if (json.size() >= 3 && std::memcmp(json.data(), "\xef\xbb\xbf", 3) == 0) json = json.subspan(3);
  // simdjson reads past the end of what it is given.
  std::vector<char>& padded = buffers_->padded;
  if (padded.size() < json.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(json.size() + simdjson::SIMDJSON_PADDING);
  }
  if (!json.empty()) std::memcpy(padded.data(), json.data(), json.size());
  std::memset(padded.data() + json.size(), 0, simdjson::SIMDJSON_PADDING);

  Walk walk({padded.data(), json.size()}, path, entries, values);
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
