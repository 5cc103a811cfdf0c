#include "millrace/formats/field_selector.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <utility>

#include "millrace/formats/json_value.h"
#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[noreturn]] void refuse_selector(std::string_view selector, const char* why) {
  throw std::invalid_argument("field selector \"" + std::string(selector) + "\": " + why);
}

tl::unexpected<Error> located(Reason reason, std::string message, const Sample& sample) {
  return tl::unexpected<Error>(Error{reason, std::move(message), std::string(sample.shard()),
                                     sample.begin_bytes(), std::string(sample.key()),
                                     sample.offset_unit()});
}

std::string names_of(const Sample& sample) {
  std::string names;
  for (const Field& field : sample.fields()) {
    if (!names.empty()) names += ", ";
    names += field.name;
  }
  return names.empty() ? "no fields" : names;
}

}  // namespace

struct FieldSelector::Scratch::Parts {
  JsonValueReader json;
  std::vector<std::string_view> texts;
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 1] = {};
};

FieldSelector::Scratch::Scratch() : parts_(std::make_unique<Parts>()) {}
FieldSelector::Scratch::~Scratch() = default;
FieldSelector::Scratch::Scratch(Scratch&&) noexcept = default;
FieldSelector::Scratch& FieldSelector::Scratch::operator=(Scratch&&) noexcept = default;

FieldSelector::FieldSelector(std::string_view text) : text_(text) {
  if (trim(text).empty()) refuse_selector(text, "it is empty");
  for (const std::string_view part : split(text, ';')) {
    const std::size_t colon = part.find(':');
    Alternative alternative;
    // Samples hold their fields' names in lower case.
    alternative.field = lower(trim(part.substr(0, colon)));
    if (alternative.field.empty()) refuse_selector(text, "an alternative is empty");
    alternative.is_json = colon != std::string_view::npos;
    if (alternative.is_json && !trim(part.substr(colon + 1)).empty()) {
      for (const std::string_view key : split(part.substr(colon + 1), '.')) {
        if (key.empty()) refuse_selector(text, "a key in the path of a JSON value is empty");
        alternative.json_path.emplace_back(key);
      }
    }
    alternatives_.push_back(std::move(alternative));
  }
}

std::vector<std::string> FieldSelector::fields() const {
  std::vector<std::string> fields;
  for (const Alternative& alternative : alternatives_) {
    if (!alternative.field.starts_with("__")) fields.push_back(alternative.field);
  }
  return fields;
}

std::vector<std::string> FieldSelector::fields_of(std::span<const std::string> selectors) {
  std::vector<std::string> all;
  for (const std::string& selector : selectors) {
    for (std::string& field : FieldSelector(selector).fields()) all.push_back(std::move(field));
  }
  return all;
}

using Found = std::optional<std::span<const std::uint8_t>>;

Result<Found> FieldSelector::find_in(const Alternative& alternative, const Sample& sample,
                                     Scratch& scratch, JsonValues values,
                                     std::vector<std::string_view>* all) const {
  if (alternative.field == "__key__") return as_bytes(sample.key());
  if (alternative.field == "__shard__") return as_bytes(sample.shard());
  if (alternative.field == "__offset__") {
    char* begin = scratch.parts_->digits;
    const auto [end, status] =
        std::to_chars(begin, std::end(scratch.parts_->digits), sample.begin_bytes());
    static_cast<void>(status);  // the buffer holds any 64-bit number
    return as_bytes({begin, static_cast<std::size_t>(end - begin)});
  }
  const Field* field = sample.find(alternative.field);
  if (field == nullptr) return Found();
  const bool is_opened = field->is_json_value && values == JsonValues::opened;
  if (!alternative.is_json && !is_opened) return field->data;

  JsonValueReader& json = scratch.parts_->json;
  const auto look = [&] {
    if (all != nullptr) return json.find_all(field->data, alternative.json_path, *all);
    if (values == JsonValues::opened) return json.find_first(field->data, alternative.json_path);
    return json.find(field->data, alternative.json_path);
  };
  const JsonValueReader::Answer answer = look();
  switch (answer.found) {
    case JsonValueReader::Found::value:
      return as_bytes(answer.text);
    case JsonValueReader::Found::absent:
      break;
    case JsonValueReader::Found::object:
      return located(
          Reason::bad_json,
          "field \"" + alternative.field + "\": the path of \"" + text_ + "\" leads to an object",
          sample);
    case JsonValueReader::Found::invalid:
      return located(
          Reason::bad_json,
          "field \"" + alternative.field + "\" is not valid JSON: " + std::string(answer.why),
          sample);
  }
  return Found();
}

Result<Found> FieldSelector::find_first(const Sample& sample, Scratch& scratch,
                                        JsonValues values) const {
  for (const Alternative& alternative : alternatives_) {
    Result<Found> found = find_in(alternative, sample, scratch, values, nullptr);
    if (!found || *found) return found;
  }
  return Found();
}

Result<Found> FieldSelector::find(const Sample& sample, Scratch& scratch) const {
  return find_first(sample, scratch, JsonValues::opened);
}

Result<std::span<const std::uint8_t>> FieldSelector::select(const Sample& sample,
                                                            Scratch& scratch) const {
  Result<Found> found = find_first(sample, scratch, JsonValues::as_written);
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  if (!*found) return tl::unexpected<Error>(missing(sample));
  return **found;
}

Result<void> FieldSelector::find_all(const Sample& sample, Scratch& scratch,
                                     std::vector<std::span<const std::uint8_t>>& values) const {
  values.clear();
  std::vector<std::string_view>& texts = scratch.parts_->texts;
  for (const Alternative& alternative : alternatives_) {
    texts.clear();
    Result<Found> found = find_in(alternative, sample, scratch, JsonValues::opened, &texts);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    if (!*found) continue;
    if (texts.empty()) values.push_back(**found);
    for (const std::string_view text : texts) values.push_back(as_bytes(text));
    return {};
  }
  return {};
}

Error FieldSelector::missing(const Sample& sample) const {
  return located(Reason::missing_field,
                 "nothing for \"" + text_ + "\"; the sample has " + names_of(sample), sample)
      .value();
}

bool is_empty_text(std::span<const std::uint8_t> text) {
  // UTF-8 of the characters beyond ASCII that are white space, by their first bytes.
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? text[at + i] : 0; };
    const int first = byte(0);
    if ((first >= 0x09 && first <= 0x0D) || (first >= 0x1C && first <= 0x20)) {
      at += 1;
    } else if (first == 0xC2 && (byte(1) == 0x85 || byte(1) == 0xA0)) {  // U+0085, U+00A0
      at += 2;
    } else if (const int rest = byte(1) << 8 | byte(2);
               (first == 0xE1 && rest == 0x9A80) ||                      // U+1680
               (first == 0xE2 && rest >= 0x8080 && rest <= 0x808A) ||    // U+2000 to U+200A
               (first == 0xE2 && (rest == 0x80A8 || rest == 0x80A9)) ||  // U+2028, U+2029
               (first == 0xE2 && (rest == 0x80AF || rest == 0x819F)) ||  // U+202F, U+205F
               (first == 0xE3 && rest == 0x8080)) {                      // U+3000
      at += 3;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace millrace
