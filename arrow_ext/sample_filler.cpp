#include "millrace/arrow_ext/sample_filler.h"

#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "millrace/arrow_ext/value_text.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_text.h"

namespace millrace::arrow_ext {

namespace {

using Kind = Column::Kind;

tl::unexpected<Error> broken(const Column& column, const char* what) {
  return fail(Reason::damaged_shard, "column \"" + column.name() + "\": " + what);
}

// A value without its dictionaries.
struct Place {
  const Column* column;
  std::int64_t row;
};

// No column: a null.
Result<Place> value_at(const Column& column, std::int64_t row) {
  Place place{&column, row};
  while (!place.column->is_null(place.row)) {
    if (place.column->kind() != Kind::dictionary) return place;
    const auto entry = place.column->dictionary_row(place.row);
    if (!entry) return broken(column, "a value is not in the dictionary");
    place = {place.column->children().data(), *entry};
  }
  return Place{nullptr, 0};
}

Result<std::span<const std::uint8_t>> bytes_at(const Place& place) {
  const auto bytes = place.column->bytes(place.row);
  if (!bytes) return broken(*place.column, "a value lies outside of the column");
  return *bytes;
}

// The text of a member of a structure; nothing if it is null.
Result<std::optional<std::string_view>> member_text(const Column& member, std::int64_t row) {
  auto place = value_at(member, row);
  if (!place) return tl::unexpected<Error>(std::move(place.error()));
  if (!place->column) return std::nullopt;
  auto bytes = bytes_at(*place);
  if (!bytes) return tl::unexpected<Error>(std::move(bytes.error()));
  return as_text(*bytes);
}

bool is_nested(Kind kind) {
  return kind == Kind::list || kind == Kind::map || kind == Kind::structure ||
         kind == Kind::modality || kind == Kind::image;
}

// The path of an entry or a member for as long as this lives.
class PathStep {
 public:
  PathStep(std::string& path, std::string_view name) : path_(path), length_(path.size()) {
    path_.push_back('.');
    path_.append(name);
  }
  PathStep(std::string& path, std::int64_t entry) : path_(path), length_(path.size()) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), entry).ptr;
    path_.push_back('.');
    path_.append(digits.data(), end);
  }
  PathStep(const PathStep&) = delete;
  PathStep& operator=(const PathStep&) = delete;
  ~PathStep() { path_.resize(length_); }

 private:
  std::string& path_;
  std::size_t length_;
};

}  // namespace

Result<void> SampleFiller::add(const Column& column, std::int64_t row, std::string_view name,
                               std::string_view path_name) {
  const auto place = value_at(column, row);
  if (!place) return tl::unexpected<Error>(place.error());
  if (!place->column) return {};
  switch (place->column->kind()) {
    case Kind::text:
    case Kind::bytes: {
      const auto bytes = bytes_at(*place);
      if (!bytes) return tl::unexpected<Error>(bytes.error());
      sample_.add_field(name, *bytes);
      return {};
    }
    case Kind::image:
      return add_image(*place->column, place->row, name, path_name);
    case Kind::list:
    case Kind::map:
    case Kind::structure:
    case Kind::modality: {
      Text& json = sample_.own_bytes();
      std::string path(name);
      auto written = append_json(*place->column, place->row, path, json);
      if (written) sample_.add_field(name, json, true);
      return written;
    }
    default: {
      Text& text = sample_.own_bytes();
      append_value(*place->column, place->row, text);
      sample_.add_field(name, text);
      return {};
    }
  }
}

Result<void> SampleFiller::add_image(const Column& image, std::int64_t row, std::string_view name,
                                     std::string_view path_name) {
  const std::int64_t at = image.member_row(row);
  const Column& data = image.children()[0];
  const auto path = member_text(image.children()[1], at);
  if (!path) return tl::unexpected<Error>(path.error());
  if (data.is_null(at)) {
    return path->has_value() ? add_image_file(**path, name, path_name) : Result<void>{};
  }
  const auto bytes = bytes_at({&data, at});
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  sample_.add_field(name, *bytes);
  if (path->has_value()) {
    sample_.add_field(path_name, as_bytes(**path));
  }
  return {};
}

Result<void> SampleFiller::add_image_file(std::string_view path, std::string_view name,
                                          std::string_view path_name) {
  sample_.add_field(path_name, as_bytes(path));
  if (!images_ || ImageStore::is_url(path) || !options_.wants(name)) return {};
  return images_->add(path, name, sample_);
}

Result<void> SampleFiller::append_json(const Column& column, std::int64_t row, std::string& path,
                                       Text& json) {
  if (json.size() > options_.limits.max_expanded_bytes) {
    return fail(Reason::damaged_shard, "column \"" + column.name() +
                                           "\" is longer as JSON text than max_expanded_bytes = " +
                                           std::to_string(options_.limits.max_expanded_bytes));
  }
  const auto place = value_at(column, row);
  if (!place) return tl::unexpected<Error>(place.error());
  if (!place->column) {
    append_text("null", json);
    return {};
  }
  switch (place->column->kind()) {
    case Kind::text: {
      const auto bytes = bytes_at(*place);
      if (!bytes) return tl::unexpected<Error>(bytes.error());
      append_json_string(as_text(*bytes), json);
      return {};
    }
    case Kind::list:
      return append_list(*place->column, place->row, path, json);
    case Kind::map:
      return append_map(*place->column, place->row, path, json);
    case Kind::structure:
    case Kind::modality:
      return append_members(*place->column, place->row, path, json);
    case Kind::boolean:
    case Kind::number:
    case Kind::time:
    case Kind::other:
      append_json_value(*place->column, place->row, json);
      return {};
    default: {
      const auto apart = add_apart(*place->column, place->row, path);
      if (!apart) return tl::unexpected<Error>(apart.error());
      append_text("null", json);
      return {};
    }
  }
}

// Bytes and images are fields of their own. Returns whether this was one.
Result<bool> SampleFiller::add_apart(const Column& column, std::int64_t row, std::string& path) {
  const auto place = value_at(column, row);
  if (!place) return tl::unexpected<Error>(place.error());
  if (!place->column) return column.kind() == Kind::bytes || column.kind() == Kind::image;
  if (place->column->kind() == Kind::bytes) {
    const auto bytes = bytes_at(*place);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    sample_.add_field(path, *bytes);
    return true;
  }
  if (place->column->kind() != Kind::image) return false;
  const std::string path_name = path + ".path";
  const auto added = add_image(*place->column, place->row, path, path_name);
  if (!added) return tl::unexpected<Error>(added.error());
  return true;
}

Result<void> SampleFiller::append_list(const Column& list, std::int64_t row, std::string& path,
                                       Text& json) {
  const auto entries = list.entries(row);
  if (!entries) return broken(list, "a list lies outside of the column");
  json.push_back('[');
  for (std::int64_t entry = entries->begin; entry < entries->end; ++entry) {
    if (entry > entries->begin) json.push_back(',');
    const PathStep step(path, entry - entries->begin);
    auto written = append_json(list.children()[0], entry, path, json);
    if (!written) return written;
  }
  json.push_back(']');
  return {};
}

// Whether the modality is an image that its value names, which then is a field of its own.
Result<bool> SampleFiller::add_modality(const Column& modality, std::int64_t row,
                                        std::string& path) {
  const auto type = member_text(*modality.child("type"), row);
  if (!type) return tl::unexpected<Error>(type.error());
  if (*type != "image") return false;
  const auto value = member_text(*modality.child("value"), row);
  if (!value) return tl::unexpected<Error>(value.error());
  if (!value->has_value()) return true;
  const PathStep step(path, "value");
  const std::string path_name = path + ".path";
  const auto added = add_image_file(**value, path, path_name);
  if (!added) return tl::unexpected<Error>(added.error());
  return true;
}

Result<void> SampleFiller::append_members(const Column& structure, std::int64_t row,
                                          std::string& path, Text& json) {
  const std::int64_t at = structure.member_row(row);
  bool value_is_apart = false;
  if (structure.kind() == Kind::modality) {
    const auto apart = add_modality(structure, at, path);
    if (!apart) return tl::unexpected<Error>(apart.error());
    value_is_apart = *apart;
  }
  json.push_back('{');
  bool first = true;
  for (const Column& member : structure.children()) {
    if (value_is_apart && member.name() == "value") continue;
    const PathStep step(path, member.name());
    const auto apart = add_apart(member, at, path);
    if (!apart) return tl::unexpected<Error>(apart.error());
    if (*apart) continue;
    if (!first) json.push_back(',');
    first = false;
    append_json_string(member.name(), json);
    json.push_back(':');
    auto written = append_json(member, at, path, json);
    if (!written) return written;
  }
  json.push_back('}');
  return {};
}

Result<void> SampleFiller::append_map(const Column& map, std::int64_t row, std::string& path,
                                      Text& json) {
  const auto entries = map.entries(row);
  if (!entries) return broken(map, "a map lies outside of the column");
  const Column& pairs = map.children()[0];
  const Column& keys = pairs.children()[0];
  const Column& values = pairs.children()[1];
  const bool is_object = keys.kind() == Kind::text;
  json.push_back(is_object ? '{' : '[');
  bool first = true;
  for (std::int64_t entry = entries->begin; entry < entries->end; ++entry) {
    const std::int64_t at = pairs.member_row(entry);
    if (!is_object) {
      append_text(first ? "[" : ",[", json);
      first = false;
      const PathStep step(path, entry - entries->begin);
      if (auto written = append_json(keys, at, path, json); !written) return written;
      json.push_back(',');
      if (auto written = append_json(values, at, path, json); !written) return written;
      json.push_back(']');
      continue;
    }
    const auto key = member_text(keys, at);
    if (!key) return tl::unexpected<Error>(key.error());
    const PathStep step(path, key->value_or(""));
    const auto apart = add_apart(values, at, path);
    if (!apart) return tl::unexpected<Error>(apart.error());
    if (*apart) continue;
    if (!first) json.push_back(',');
    first = false;
    append_json_string(key->value_or(""), json);
    json.push_back(':');
    if (auto written = append_json(values, at, path, json); !written) return written;
  }
  json.push_back(is_object ? '}' : ']');
  return {};
}

Result<std::optional<std::string_view>> text_of(const Column& column, std::int64_t row,
                                                std::vector<std::uint8_t>& written) {
  const auto place = value_at(column, row);
  if (!place) return tl::unexpected<Error>(place.error());
  if (!place->column || is_nested(place->column->kind())) return std::nullopt;
  if (place->column->kind() == Kind::text || place->column->kind() == Kind::bytes) {
    const auto bytes = bytes_at(*place);
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    return as_text(*bytes);
  }
  written.clear();
  append_value(*place->column, place->row, written);
  return as_text(written);
}

}  // namespace millrace::arrow_ext
