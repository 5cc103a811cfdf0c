#include "millrace/formats/tables/caption_row.h"

#include <algorithm>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_text.h"

namespace millrace {

namespace {

constexpr std::string_view kJsonField = "json";

// How many of `names` come before `name`, if that is less than `limit`.
std::size_t rank_below(const std::vector<std::string>& names, std::string_view name,
                       std::size_t limit) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(limit);
  return static_cast<std::size_t>(std::find(names.begin(), end, name) - names.begin());
}

}  // namespace

CaptionRow::CaptionRow(const ReadOptions& options, Sample& sample)
    : options_(options),
      sample_(sample),
      json_(sample.own_bytes()),
      key_rank_(options.keys.size()),
      path_rank_(options.image_paths.size()) {
  names_.number = sample.begin_bytes();
}

void CaptionRow::append(std::string_view text) {
  json_.insert(json_.end(), text.begin(), text.end());
}

void CaptionRow::begin_member(std::string_view key) {
  append(json_.empty() ? "{\"" : ", \"");
  append(key);
  append("\": ");
}

void CaptionRow::begin_entry() {
  if (has_entries_) append(", ");
  has_entries_ = true;
}

void CaptionRow::look_at(std::string_view key, std::string_view value, bool is_json) {
  const std::size_t key_rank = rank_below(options_.keys, key, key_rank_);
  const std::size_t path_rank = rank_below(options_.image_paths, key, path_rank_);
  if (key_rank == key_rank_ && path_rank == path_rank_) return;
  std::string_view text = value;
  if (is_json && value.starts_with('"')) {
    text = value.substr(1, value.size() - 2);
    if (text.find('\\') != std::string_view::npos) {
      std::vector<std::uint8_t>& own = sample_.own_bytes();
      if (!append_unescaped(value, own)) return;
      text = as_text(own);
    }
  } else if (is_json && value == "null") {
    return;
  }
  if (text.empty()) return;
  if (key_rank < key_rank_) {
    key_rank_ = key_rank;
    names_.key = text;
  }
  if (path_rank < path_rank_) {
    path_rank_ = path_rank;
    names_.image_column = options_.image_paths[path_rank];
    names_.image_path = text;
  }
}

void CaptionRow::add(std::string_view key, std::string_view value) {
  begin_member(key);
  append(value);
  look_at(key, value, true);
}

void CaptionRow::add_text(std::string_view key, std::string_view text) {
  begin_member(key);
  append_json_string(text, json_);
  look_at(key, text, false);
}

void CaptionRow::begin_list(std::string_view key) {
  begin_member(key);
  append("[");
  has_entries_ = false;
}

void CaptionRow::add_entry(std::string_view value) {
  begin_entry();
  append(value);
}

void CaptionRow::add_text_entry(std::string_view text) {
  begin_entry();
  append_json_string(text, json_);
}

void CaptionRow::end_list() { append("]"); }

Result<void> CaptionRow::finish(const RowFields& rows) {
  append(json_.empty() ? "{}" : "}");
  if (options_.wants(kJsonField)) sample_.add_field(kJsonField, json_);
  return rows.finish(names_, sample_);
}

}  // namespace millrace
