#include "pack/packed_sample.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <boost/json.hpp>

#include "check/image_shrinker.h"
#include "millrace/formats/json_value.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/tar/tar_writer.h"
#include "millrace/transforms/decode/image_kind.h"
#include "pack/packed_keys.h"
#include "printable_text.h"

namespace millrace::cli {

namespace {

constexpr std::array<std::string_view, 4> kImageFields = {"jpg", "png", "jpeg", "webp"};

// Names of columns that say themselves what kind of file they hold.
constexpr std::array<std::string_view, 30> kFileEndings = {
    "jpg", "jpeg", "png",  "webp", "gif", "bmp", "tif", "tiff", "avif", "heic",
    "txt", "json", "cls",  "npy",  "npz", "pyd", "pkl", "pt",   "pth",  "bin",
    "mp4", "webm", "flac", "wav",  "mp3", "ogg", "xml", "html", "svg",  "pdf"};

// The caption of a row, the first one that it has.
constexpr std::string_view kUsualCaption =
    "caption;text;title;texts;captions;"
    "json:caption;json:text;json:title;json:texts;json:captions";

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

template <typename List>
bool has(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// "BM" alone may begin a sentence.
ImageKind kind_of(std::span<const std::uint8_t> data) {
  const ImageKind kind = sniff_image(data);
  return kind == ImageKind::bmp && is_plain_text(as_text(data)) ? ImageKind::unknown : kind;
}

std::string_view ending_of(ImageKind kind) {
  switch (kind) {
    case ImageKind::png:
      return "png";
    case ImageKind::webp:
      return "webp";
    case ImageKind::gif:
      return "gif";
    case ImageKind::bmp:
      return "bmp";
    case ImageKind::tiff:
      return "tif";
    case ImageKind::avif:
      return "avif";
    case ImageKind::heif:
      return "heic";
    case ImageKind::jpeg:
    case ImageKind::unknown:  // who decodes it says what is wrong
      break;
  }
  return "jpg";
}

// A number as JSON writes it (RFC 8259) that readers which keep doubles do not change: no more than
// 15 digits.
bool is_json_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  std::size_t digits = 0;
  const auto skip_digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    digits += at - begin;
    return at - begin;
  };
  const std::size_t whole_at = at;
  const std::size_t whole = skip_digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (skip_digits() == 0) return false;
  }
  if (digits > 17 || (at == text.size() && digits > 15)) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (skip_digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

void PackedShape::validate() const {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument(what); };
  if (max_side < 0 || max_side > 65'500) {
    refuse("max-side = " + std::to_string(max_side) + ": must be 1 to 65500");
  }
  if (quality < 1 || quality > 100) {
    refuse("quality = " + std::to_string(quality) + ": must be 1 to 100");
  }
}

struct SamplePacker::Parts {
  explicit Parts(const PackedShape& shape)
      : caption(shape.caption.empty() ? std::string(kUsualCaption) : shape.caption),
        shrinker(shape.max_side, shape.quality) {}

  FieldSelector caption;
  FieldSelector::Scratch scratch;
  JsonValueReader json;
  ImageShrinker shrinker;
};

// What is known of the members while they are chosen.
struct SamplePacker::Draft {
  struct Column {
    const Field* field = nullptr;
    bool is_image = false;  // to be named by its content
  };

  PackedSample& packed;
  std::vector<bool> shrinks;       // of the members: an image that may be re-encoded
  std::vector<Column> columns;     // not yet members
  const Field* caption = nullptr;  // the column that became `txt`

  void add(std::string_view name, std::span<const std::uint8_t> data, bool is_image) {
    std::string extension = safe_extension(name);
    for (int number = 2; taken(extension); ++number) {
      extension = safe_extension(name) + "_" + std::to_string(number);
    }
    packed.members.push_back({std::move(extension), data, 0});
    shrinks.push_back(is_image);
  }

  bool taken(std::string_view extension) const {
    return std::any_of(packed.members.begin(), packed.members.end(),
                       [&](const PackedMember& member) { return member.extension == extension; });
  }

  void drop(std::string_view extension) {
    for (std::size_t i = packed.members.size(); i-- > 0;) {
      if (packed.members[i].extension != extension) continue;
      packed.members.erase(packed.members.begin() + static_cast<std::ptrdiff_t>(i));
      shrinks.erase(shrinks.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  std::span<const std::uint8_t> keep(std::string_view text) {
    packed.own.emplace_back(text.begin(), text.end());
    return packed.own.back();
  }
};

SamplePacker::SamplePacker(PackedShape shape)
    : shape_(std::move(shape)), parts_(std::make_unique<Parts>(shape_)) {}

SamplePacker::~SamplePacker() = default;

bool SamplePacker::is_wanted(std::string_view field) const {
  if (shape_.fields.empty()) return true;
  return std::any_of(shape_.fields.begin(), shape_.fields.end(), [&](const std::string& wanted) {
    return field == wanted || (field.size() > wanted.size() && field.starts_with(wanted) &&
                               field[wanted.size()] == '.');
  });
}

bool SamplePacker::is_named_image(std::string_view field) const {
  return has(shape_.images, field);
}

void SamplePacker::keep_files(const Sample& sample, Draft& draft) const {
  for (const Field& field : sample.fields()) {
    if (!is_wanted(field.name)) continue;
    if (is_named_image(field.name)) {
      draft.columns.push_back({&field, true});
      continue;
    }
    const bool is_image =
        has(kImageFields, field.name) ||
        (field.name.starts_with("modalities.") && has(kImageFields, last_part(field.name)));
    draft.add(field.name, field.data, is_image && shape_.images.empty());
  }
}

void SamplePacker::sort_columns(const Sample& sample, Draft& draft) const {
  for (const Field& field : sample.fields()) {
    if (!is_wanted(field.name)) continue;
    if (is_named_image(field.name) || field.name == "image") {
      draft.columns.push_back({&field, true});
    } else if (has(kFileEndings, last_part(field.name))) {
      draft.add(field.name, field.data, has(kImageFields, field.name));
    } else {
      draft.columns.push_back({&field, kind_of(field.data) != ImageKind::unknown});
    }
  }
}

void SamplePacker::name_images(Draft& draft) const {
  bool has_first = std::any_of(
      kImageFields.begin(), kImageFields.end(),
      [&](std::string_view name) { return draft.taken(name) && !is_named_image(name); });
  for (const Draft::Column& column : draft.columns) {
    if (!column.is_image) continue;
    std::string_view name = column.field->name;
    const std::string ending(ending_of(kind_of(column.field->data)));
    for (const std::string_view inner : {".value", ".bytes"}) {
      if (name.ends_with(inner)) name.remove_suffix(inner.size());
    }
    const bool is_first = !has_first && (name.find('.') == std::string_view::npos ||
                                         is_named_image(column.field->name));
    has_first = has_first || is_first;
    draft.add(is_first ? ending : std::string(name) + "." + ending, column.field->data, true);
  }
}

void SamplePacker::add_caption(const Sample& sample, bool from_tar, Draft& draft) {
  const bool asked = !shape_.caption.empty();
  if (!asked && (from_tar || draft.taken("txt"))) return;
  const auto selected = parts_->caption.select(sample, parts_->scratch);
  if (!selected) return;
  const auto column =
      std::find_if(draft.columns.begin(), draft.columns.end(), [&](const Draft::Column& one) {
        return one.field->data.data() == selected->data() &&
               one.field->data.size() == selected->size();
      });
  std::span<const std::uint8_t> text = *selected;
  const bool is_column = column != draft.columns.end();
  if (is_column && column->is_image) return;
  auto list = JsonValueReader::Answer{JsonValueReader::Found::invalid, {}, {}};
  if (is_column && as_text(text).starts_with('[')) list = parts_->json.find(text, {});
  if (list.found == JsonValueReader::Found::absent) return;
  if (list.found == JsonValueReader::Found::value) {
    text = as_bytes(list.text);
  } else if (is_column) {
    draft.caption = column->field;
  }
  if (text.empty()) return;
  draft.drop("txt");
  draft.add("txt", is_column && draft.caption != nullptr ? text : draft.keep(as_text(text)), false);
}

void SamplePacker::add_row(const Sample& sample, Draft& draft) {
  const bool has_json = draft.taken("json");
  std::string row;
  for (const Draft::Column& column : draft.columns) {
    const Field& field = *column.field;
    if (column.is_image || &field == draft.caption) continue;
    const std::string_view text = as_text(field.data);
    // Of a row that is JSON itself the path is written there.
    const bool is_path = field.name.ends_with(".path") &&
                         sample.find(field.name.substr(0, field.name.size() - 5)) != nullptr;
    if (has_json && is_path) continue;
    if (!is_plain_text(text)) {
      draft.add(field.name + ".bin", field.data, false);
      continue;
    }
    row += row.empty() ? "{" : ",";
    row += boost::json::serialize(boost::json::string(field.name));
    row += ':';
    const bool may_be_json = text.starts_with('[') || text.starts_with('{');
    const bool verbatim =
        is_json_number(text) || text == "true" || text == "false" ||
        (may_be_json && parts_->json.find(field.data, {}).found != JsonValueReader::Found::invalid);
    row += verbatim ? std::string(text) : boost::json::serialize(boost::json::string(text));
  }
  if (row.empty()) return;
  row += '}';
  draft.add(has_json ? "columns.json" : "json", draft.keep(row), false);
}

Result<void> SamplePacker::shrink_images(Draft& draft) {
  for (std::size_t i = 0; i < draft.packed.members.size(); ++i) {
    if (!draft.shrinks[i]) continue;
    PackedMember& member = draft.packed.members[i];
    std::vector<std::uint8_t> jpeg;
    const auto shrunk = parts_->shrinker.shrink(member.data, jpeg);
    if (!shrunk) {
      Error error = shrunk.error();
      error.message = member.extension + ": " + error.message;
      return tl::unexpected<Error>(std::move(error));
    }
    if (!*shrunk) continue;
    draft.packed.own.push_back(std::move(jpeg));
    member.data = draft.packed.own.back();
    ++draft.packed.reencoded;
    const std::string_view last = last_part(member.extension);
    if (last == "jpg" || last == "jpeg") continue;
    std::string renamed = member.extension.substr(0, member.extension.size() - last.size()) + "jpg";
    if (draft.taken(renamed)) renamed = member.extension + ".jpg";
    if (!draft.taken(renamed)) member.extension = std::move(renamed);
  }
  return {};
}

Result<void> SamplePacker::pack(const Sample& sample, bool from_tar, PackedSample& packed) {
  packed.members.clear();
  packed.own.clear();
  packed.reencoded = 0;
  packed.key = safe_key(sample.key());
  packed.key_changed = packed.key != sample.key();
  Draft draft{packed, {}, {}, nullptr};
  if (from_tar) {
    keep_files(sample, draft);
  } else {
    sort_columns(sample, draft);
  }
  name_images(draft);
  add_caption(sample, from_tar, draft);
  add_row(sample, draft);
  if (packed.members.empty()) return fail(Reason::missing_field, "nothing to pack");
  if (shape_.max_side > 0) {
    if (auto shrunk = shrink_images(draft); !shrunk) return shrunk;
  }
  for (PackedMember& member : packed.members) member.crc = tar::padded_crc32(member.data);
  return {};
}

}  // namespace millrace::cli
