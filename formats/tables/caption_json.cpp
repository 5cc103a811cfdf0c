#include "millrace/formats/tables/caption_json.h"

#include <algorithm>
#include <string>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_walk.h"

namespace millrace {

namespace {

constexpr std::size_t kLookedAtBytes = std::size_t{1} << 20;

// What the first entry of a list of objects is like.
struct FirstEntry {
  bool has_sentences = false;
  bool is_image = false;
  bool is_annotation = false;
};

FirstEntry first_entry(JsonWalk walk) {
  FirstEntry entry;
  std::string_view key;
  std::string_view value;
  if (!walk.enter('[') || !walk.next_entry() || !walk.enter('{')) return entry;
  while (walk.next_member(key)) {
    entry.has_sentences |= key == "\"sentences\"" || key == "\"sentids\"";
    entry.is_image |= key == "\"id\"" || key == "\"file_name\"";
    entry.is_annotation |= key == "\"image_id\"";
    if (!walk.value(value)) break;
  }
  return entry;
}

bool is_line_format(std::string_view name) {
  return name.ends_with(".jsonl") || name.ends_with(".ndjson");
}

}  // namespace

std::size_t json_begin(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
}

CaptionJson caption_json_kind(std::string_view file_name, std::span<const std::uint8_t> bytes) {
  if (is_line_format(file_name)) return CaptionJson::none;
  bytes = bytes.first(std::min(bytes.size(), kLookedAtBytes));
  const std::string_view text = as_text(bytes);
  JsonWalk walk(text, json_begin(text));
  bool has_images = false;
  bool has_annotations = false;
  std::string_view key;
  std::string_view value;
  if (!walk.enter('{')) return CaptionJson::none;
  while (walk.next_member(key)) {
    if (key == "\"images\"") {
      const FirstEntry first = first_entry(walk);
      if (first.has_sentences) return CaptionJson::karpathy;
      if (first.is_image) return CaptionJson::coco;
      has_images = true;
    } else if (key == "\"annotations\"") {
      if (first_entry(walk).is_annotation) return CaptionJson::coco;
      has_annotations = true;
    }
    if (!walk.value(value)) break;
  }
  return has_images && has_annotations ? CaptionJson::coco : CaptionJson::none;
}

Error broken_document(std::string_view shard, std::uint64_t offset_bytes, std::string_view why) {
  return Error{Reason::damaged_shard,
               "the document " + std::string(why),
               std::string(shard),
               offset_bytes,
               {}};
}

}  // namespace millrace
