#include "millrace/formats/tables/json_row_reader.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include <simdjson.h>

#include "millrace/formats/json_value.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_token.h"

namespace millrace {

namespace {

namespace ondemand = simdjson::ondemand;

/// Paths that one walk looks for: a bit each.
constexpr std::size_t kPathsAWalk = 64;

/// Of the paths, those whose keys have led here so far.
using PathSet = std::uint64_t;

template <typename Visit>
void for_each_in(PathSet set, const Visit& visit) {
  for (; set != 0; set &= set - 1) visit(static_cast<std::size_t>(__builtin_ctzll(set)));
}

// Walks the whole document; see JsonValueReader's walk for why.
class RowWalk {
 public:
  RowWalk(std::span<const JsonRowReader::Path> paths,
          std::span<std::optional<std::string_view>> values)
      : paths_(paths), values_(values) {}

  simdjson::error_code run(ondemand::document& document) {
    ondemand::value root;
    if (auto error = document.get_value().get(root)) return error;
    const PathSet all =
        paths_.size() == kPathsAWalk ? ~PathSet{0} : (PathSet{1} << paths_.size()) - 1;
    if (auto error = visit_object(root, all, 0, 1)) return error;
    // The location is out of bounds where nothing follows.
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS
               ? simdjson::SUCCESS
               : simdjson::TRAILING_CONTENT;
  }

 private:
  // `on`: the paths that led here, by `level` keys. `depth`: of the value, if it is a container.
  simdjson::error_code visit(ondemand::value value, PathSet on, std::size_t level, int depth) {
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return error;
    const bool is_object = type == ondemand::json_type::object;
    if (is_object || type == ondemand::json_type::array) {
      if (depth > kMaxJsonDepth) return simdjson::DEPTH_ERROR;
      return is_object ? visit_object(value, on, level, depth)
                       : visit_array(value, on, level, depth);
    }
    const PathSet ending = ending_at(on, level);
    if (type == ondemand::json_type::string) return visit_string(value, ending);
    const std::string_view token = trim(value.raw_json_token());
    if (!json::is_scalar_token(token)) return simdjson::TAPE_ERROR;
    if (token != "null") keep(ending, token);
    return simdjson::SUCCESS;
  }

  simdjson::error_code visit_string(ondemand::value value, PathSet ending) {
    if (ending == 0) {
      ondemand::raw_json_string raw;
      if (auto error = value.get_raw_json_string().get(raw)) return error;
      return json::escapes_are_valid(raw.raw()) ? simdjson::SUCCESS : simdjson::STRING_ERROR;
    }
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    keep(ending, text);
    return simdjson::SUCCESS;
  }

  simdjson::error_code visit_object(ondemand::value value, PathSet on, std::size_t level,
                                    int depth) {
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return error;
    for (auto result : object) {
      ondemand::field field;
      if (auto error = std::move(result).get(field)) return error;
      std::string_view key;
      if (auto error = field.unescaped_key().get(key)) return error;
      PathSet next = 0;
      for_each_in(on, [&](std::size_t i) {
        if (paths_[i].size() <= level || paths_[i][level] != key) return;
        next |= PathSet{1} << i;
        // The last of duplicate keys counts, whatever the earlier ones led to.
        values_[i].reset();
      });
      if (auto error = visit(field.value(), next, level + 1, depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code visit_array(ondemand::value value, PathSet on, std::size_t level,
                                   int depth) {
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return error;
    for (auto result : array) {
      if (auto error = result.error()) return error;
      if (auto error = visit(result.value_unsafe(), on, level, depth + 1)) return error;
      on = 0;
    }
    return simdjson::SUCCESS;
  }

  PathSet ending_at(PathSet on, std::size_t level) const {
    PathSet ending = 0;
    for_each_in(on, [&](std::size_t i) {
      if (paths_[i].size() == level) ending |= PathSet{1} << i;
    });
    return ending;
  }

  void keep(PathSet ending, std::string_view text) {
    for_each_in(ending, [&](std::size_t i) { values_[i] = text; });
  }

  std::span<const JsonRowReader::Path> paths_;
  std::span<std::optional<std::string_view>> values_;
};

}  // namespace

struct JsonRowReader::Buffers {
  // One a walk: what a walk finds lies in its parser.
  std::deque<ondemand::parser> parsers = std::deque<ondemand::parser>(1);
  std::vector<char> padded;
};

JsonRowReader::JsonRowReader() : buffers_(std::make_unique<Buffers>()) {}
JsonRowReader::~JsonRowReader() = default;
JsonRowReader::JsonRowReader(JsonRowReader&&) noexcept = default;
JsonRowReader& JsonRowReader::operator=(JsonRowReader&&) noexcept = default;

JsonRowReader::Path JsonRowReader::path_of(std::string_view text) {
  Path path;
  while (true) {
    const std::size_t end = text.find('.');
    path.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return path;
    text.remove_prefix(end + 1);
  }
}

std::size_t JsonRowReader::buffer_bytes() const {
  // A parser holds an index of 4 bytes and unescaped text of up to 5/3 byte for each byte.
  std::size_t capacity = 0;
  for (const ondemand::parser& parser : buffers_->parsers) capacity += parser.capacity();
  return buffers_->padded.size() + 6 * capacity;
}

bool JsonRowReader::read(std::span<const std::uint8_t> json, std::span<const Path> paths,
                         std::vector<std::optional<std::string_view>>& values) {
  values.assign(paths.size(), std::nullopt);
  const auto* begin = reinterpret_cast<const char*>(json.data());
  if (!trim({begin, json.size()}).starts_with('{')) {
    why_ = "it does not begin with {";
    return false;
  }
  // simdjson reads past the end of what it is given.
  std::vector<char>& padded = buffers_->padded;
  if (padded.size() < json.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(json.size() + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(padded.data(), begin, json.size());
  std::memset(padded.data() + json.size(), 0, simdjson::SIMDJSON_PADDING);

  const std::size_t walks =
      std::max<std::size_t>(1, (paths.size() + kPathsAWalk - 1) / kPathsAWalk);
  if (buffers_->parsers.size() < walks) buffers_->parsers.resize(walks);
  for (std::size_t i = 0; i < walks; ++i) {
    const std::size_t first = i * kPathsAWalk;
    const std::size_t count = std::min(kPathsAWalk, paths.size() - first);
    RowWalk walk(paths.subspan(first, count), std::span(values).subspan(first, count));
    ondemand::document document;
    auto error =
        buffers_->parsers[i].iterate(padded.data(), json.size(), padded.size()).get(document);
    if (!error) error = walk.run(document);
    if (error) {
      why_ = simdjson::error_message(error);
      return false;
    }
  }
  return true;
}

}  // namespace millrace
