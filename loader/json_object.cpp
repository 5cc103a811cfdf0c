#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "millrace/loader/json_object-inl.h"
#include "millrace/loader/nearest_name.h"

namespace millrace {

namespace json = boost::json;

namespace {

std::optional<std::uint64_t> whole_number(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (!value.is_int64() || value.get_int64() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value.get_int64());
}

}  // namespace

JsonObject::JsonObject(const json::value& value, std::string place)
    : place_(std::move(place)), object_(value.if_object()) {
  if (object_ == nullptr) throw std::invalid_argument(place_ + ": not a JSON object");
}

void JsonObject::allow_only(std::initializer_list<std::string_view> listed,
                            std::span<const std::string_view> more) const {
  std::vector<std::string_view> known(listed);
  known.insert(known.end(), more.begin(), more.end());
  for (const auto& entry : *object_) {
    const std::string_view key(entry.key().data(), entry.key().size());
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw std::invalid_argument((place_.empty() ? "" : place_ + ": ") + "unknown option \"" +
                                std::string(key) + "\"; the nearest known one is \"" +
                                std::string(nearest_name(key, known)) + "\"");
  }
}

std::string JsonObject::place(std::string_view key) const {
  return place_.empty() ? std::string(key) : place_ + "." + std::string(key);
}

JsonObject JsonObject::at(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) wrong(key, "an object");
  return {*value, place(key)};
}

std::string JsonObject::text(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr || !value->is_string()) wrong(key, "a string");
  return std::string(value->get_string());
}

std::uint64_t JsonObject::number(std::string_view key) const {
  const json::value* value = find(key);
  const auto number = value != nullptr ? whole_number(*value) : std::nullopt;
  if (!number) wrong(key, "a whole number that is not negative");
  return *number;
}

std::vector<std::uint64_t> JsonObject::numbers(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr || !value->is_array()) wrong(key, "a list of whole numbers");
  std::vector<std::uint64_t> numbers;
  for (const json::value& entry : value->get_array()) {
    const auto number = whole_number(entry);
    if (!number) wrong(key, "a list of whole numbers");
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<std::string> JsonObject::texts(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(value->get_string())};
  if (!value->is_array()) wrong(key, "a string or a list of strings");
  std::vector<std::string> texts;
  for (const json::value& text : value->get_array()) {
    if (!text.is_string()) wrong(key, "a string or a list of strings");
    texts.emplace_back(text.get_string());
  }
  return texts;
}

int JsonObject::small_int(std::string_view key, int otherwise) const {
  return has(key) ? small_int(key) : otherwise;
}

int JsonObject::small_int(std::string_view key) const {
  constexpr std::uint64_t kMost = 1'000'000'000;  // more is out of every such option's range
  const std::uint64_t value = number(key);
  if (value > kMost) wrong(key, "smaller");
  return static_cast<int>(value);
}

void JsonObject::read(std::string_view key, std::uint64_t& to) const {
  if (has(key)) to = number(key);
}

void JsonObject::read(std::string_view key, double& to) const {
  const json::value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_number()) wrong(key, "a number");
  to = value->to_number<double>();
}

void JsonObject::read(std::string_view key, bool& to) const {
  const json::value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_bool()) wrong(key, "true or false");
  to = value->get_bool();
}

void JsonObject::read(std::string_view key, std::string& to) const {
  if (has(key)) to = text(key);
}

void JsonObject::wrong(std::string_view key, const std::string& wanted) const {
  const json::value* value = find(key);
  throw std::invalid_argument(place(key) + " = " +
                              (value != nullptr ? json::serialize(*value) : "(nothing)") +
                              ": must be " + wanted);
}

}  // namespace millrace
