#include "millrace/formats/tables/modality_images.h"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_text.h"
#include "millrace/formats/tables/json_walk.h"

namespace millrace {

namespace {

/// `modalities.18446744073709551615.value.path` fits.
class FieldName {
 public:
  explicit FieldName(std::size_t place) {
    append(ModalityImages::kField);
    append(".");
    const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), place).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
    append(".value");
    name_size_ = size_;
    append(".path");
  }
  std::string_view name() const { return {text_.data(), name_size_}; }
  std::string_view path_name() const { return {text_.data(), size_}; }

 private:
  void append(std::string_view part) {
    part.copy(text_.data() + size_, part.size());
    size_ += part.size();
  }

  std::array<char, 48> text_{};
  std::size_t size_ = 0;
  std::size_t name_size_ = 0;
};

// The value of an object's member, as written; empty: it has none.
std::string_view member_of(std::string_view object, std::string_view quoted_key) {
  JsonWalk walk(object);
  std::string_view found;
  std::string_view key;
  std::string_view value;
  if (!walk.enter('{')) return {};
  while (walk.next_member(key) && walk.value(value)) {
    if (key == quoted_key) found = value;
  }
  return found;
}

// The path that the modality's value gives, as written; empty: none.
std::string_view written_path(std::string_view value) {
  if (value.starts_with('{')) {
    const std::string_view bytes = member_of(value, "\"bytes\"");
    if (!bytes.empty() && bytes != "null") return {};
    value = member_of(value, "\"path\"");
  }
  return value.starts_with('"') ? value : std::string_view();
}

}  // namespace

Result<void> ModalityImages::add(std::span<const std::uint8_t> row, const RowFields& rows,
                                 Sample& sample) const {
  const std::string_view text = as_text(row);
  constexpr std::string_view kKey = "\"modalities\"";
  // Most rows have none: they are not walked again.
  if (text.find(kKey) == std::string_view::npos) return {};
  JsonWalk walk(member_of(text, kKey));
  if (!walk.enter('[')) return {};
  std::string_view entry;
  for (std::size_t place = 0; walk.next_entry() && walk.value(entry); ++place) {
    if (auto added = add_entry(entry, place, rows, sample); !added) return added;
  }
  return {};
}

Result<void> ModalityImages::add_entry(std::string_view entry, std::size_t place,
                                       const RowFields& rows, Sample& sample) const {
  if (member_of(entry, "\"type\"") != "\"image\"") return {};
  const std::string_view written = written_path(member_of(entry, "\"value\""));
  if (written.empty()) return {};
  const FieldName field(place);
  std::span<const std::uint8_t> path = as_bytes(written.substr(1, written.size() - 2));
  if (written.find('\\') != std::string_view::npos) {
    std::vector<std::uint8_t>& own = sample.own_bytes();
    if (!append_unescaped(written, own)) {
      return tl::unexpected<Error>(Error{Reason::bad_json,
                                         std::string(field.name()) + " has a lone surrogate",
                                         std::string(sample.shard()), sample.begin_bytes(),
                                         std::string(sample.key()), sample.offset_unit()});
    }
    path = own;
  }
  sample.add_field(field.path_name(), path);
  if (!options_.wants(field.name())) return {};
  return rows.add_file(as_text(path), field.name(), sample);
}

}  // namespace millrace
