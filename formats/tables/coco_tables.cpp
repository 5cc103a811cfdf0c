#include "millrace/formats/tables/coco_tables.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/caption_json.h"
#include "millrace/formats/tables/json_text.h"
#include "millrace/formats/tables/json_walk.h"

namespace millrace {

namespace {

constexpr std::size_t kMostRecords = std::numeric_limits<std::uint32_t>::max() - 1;

// Ids are compared as they are written, so they may have any number of digits.
bool is_id(std::string_view written) {
  return written[0] == '"' || (written.find_first_of(".eE") == std::string_view::npos &&
                               (written[0] == '-' || (written[0] >= '0' && written[0] <= '9')));
}

// An image's id, to be found by its hash.
struct Id {
  std::uint64_t hash;
  std::uint32_t image;
  std::uint32_t at;  // behind the beginning of the image's record
};

class Maker {
 public:
  explicit Maker(std::string_view text) : text_(text), walk_(text, json_begin(text)) {}

  // False: see why() and at().
  bool run();
  std::uint64_t at() const { return at_.value_or(walk_.at()); }
  const char* why() const { return walk_.broken(); }
  CocoTables& tables() { return tables_; }

 private:
  bool fail_at(std::uint64_t offset, const char* why) {
    at_ = offset;
    return walk_.fail(why);
  }
  bool read_images();
  bool read_annotations(JsonWalk& walk);
  void sort_ids();
  std::string_view written_id(const Id& id) const;
  std::optional<std::uint32_t> image_of(std::string_view written) const;
  void sort_captions();

  std::string_view text_;
  JsonWalk walk_;
  std::optional<std::uint64_t> at_;
  CocoTables tables_;
  std::vector<Id> ids_;
  std::vector<std::uint32_t> images_of_captions_;
};

bool Maker::run() {
  if (!walk_.enter('{')) return walk_.fail("is no object");
  bool has_images = false;
  bool has_annotations = false;
  std::optional<std::size_t> annotations_at;
  std::string_view key;
  std::string_view value;
  while (walk_.next_member(key)) {
    if (key == "\"images\"") {
      if (has_images) return walk_.fail("has a second member `images` here");
      has_images = true;
      if (!read_images()) return false;
    } else if (key == "\"annotations\"") {
      if (has_annotations) return walk_.fail("has a second member `annotations` here");
      has_annotations = true;
      if (has_images) {
        if (!read_annotations(walk_)) return false;
        continue;
      }
      annotations_at = walk_.at();
      if (!walk_.value(value)) return false;
    } else if (!walk_.value(value)) {
      return false;
    }
  }
  if (walk_.broken() != nullptr) return false;
  if (!walk_.at_end()) return walk_.fail("has something behind its end here");
  if (!has_images) return fail_at(0, "has no member `images`");
  if (!has_annotations) return fail_at(0, "has no member `annotations`");
  if (annotations_at) {
    JsonWalk again(text_, *annotations_at);
    if (!read_annotations(again)) {
      return again.broken() == nullptr ? false : fail_at(again.at(), again.broken());
    }
  }
  if (tables_.captions.empty() && tables_.orphans > 0 && !tables_.image_offsets.empty()) {
    return fail_at(0, "has captions, but none of an image that it lists: their ids differ");
  }
  sort_captions();
  return true;
}

bool Maker::read_images() {
  if (!walk_.enter('[')) return walk_.fail("has a member `images` that is no list");
  std::string_view key;
  std::string_view value;
  while (walk_.next_entry()) {
    walk_.peek();
    const std::uint64_t begin = walk_.at();
    if (!walk_.enter('{')) return walk_.fail("has an entry of `images` that is no object here");
    std::string_view id;
    while (walk_.next_member(key) && walk_.value(value)) {
      if (key == "\"id\"") id = value;
    }
    if (walk_.broken() != nullptr) return false;
    if (id.empty()) return fail_at(begin, "has an image without an id here");
    const auto at = static_cast<std::uint64_t>(id.data() - text_.data());
    if (!is_id(id)) return fail_at(at, "has an id here that is no integer and no string");
    if (at - begin > kMostRecords) return fail_at(begin, "has an image of 4 GiB here");
    if (ids_.size() == kMostRecords) return fail_at(begin, "has too many images");
    ids_.push_back({std::hash<std::string_view>()(id), static_cast<std::uint32_t>(ids_.size()),
                    static_cast<std::uint32_t>(at - begin)});
    tables_.image_offsets.push_back(begin);
  }
  if (walk_.broken() != nullptr) return false;
  sort_ids();
  return true;
}

std::string_view Maker::written_id(const Id& id) const {
  std::string_view written;
  JsonWalk(text_, tables_.image_offsets[id.image] + id.at).value(written);
  return written;
}

// Equal hashes are told apart by the ids themselves, sorted too, so that no choice of ids makes the
// search slow.
void Maker::sort_ids() {
  std::sort(ids_.begin(), ids_.end(), [&](const Id& a, const Id& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int order = written_id(a).compare(written_id(b));
    return order != 0 ? order < 0 : a.image < b.image;
  });
  for (std::size_t i = 1; i < ids_.size(); ++i) {
    if (ids_[i].hash != ids_[i - 1].hash || written_id(ids_[i]) != written_id(ids_[i - 1]))
      continue;
    tables_.repeated.emplace_back(ids_[i].image, ids_[i - 1].image);
  }
  // Each names the one before it so far; the first of all has the captions.
  std::sort(tables_.repeated.begin(), tables_.repeated.end());
  for (auto& [image, first] : tables_.repeated) {
    if (const auto earlier = tables_.first_of_id(first)) {
      first = static_cast<std::uint32_t>(*earlier);
    }
  }
}

std::optional<std::uint32_t> Maker::image_of(std::string_view written) const {
  const std::uint64_t hash = std::hash<std::string_view>()(written);
  const auto found =
      std::lower_bound(ids_.begin(), ids_.end(), written, [&](const Id& id, std::string_view key) {
        if (id.hash != hash) return id.hash < hash;
        return written_id(id) < key;
      });
  if (found == ids_.end() || found->hash != hash || written_id(*found) != written) {
    return std::nullopt;
  }
  return found->image;
}

bool Maker::read_annotations(JsonWalk& walk) {
  if (!walk.enter('[')) return walk.fail("has a member `annotations` that is no list");
  std::string_view key;
  std::string_view value;
  const auto offset_of = [&](std::string_view part) {
    return static_cast<std::uint64_t>(part.data() - text_.data());
  };
  while (walk.next_entry()) {
    walk.peek();
    const std::uint64_t begin = walk.at();
    if (!walk.enter('{')) return walk.fail("has an entry of `annotations` that is no object here");
    std::string_view image_id;
    std::string_view caption;
    while (walk.next_member(key) && walk.value(value)) {
      if (key == "\"image_id\"") image_id = value;
      if (key == "\"caption\"") caption = value;
    }
    if (walk.broken() != nullptr) return false;
    if (image_id.empty()) return fail_at(begin, "has an annotation without an image_id here");
    if (!is_id(image_id)) {
      return fail_at(offset_of(image_id), "has an image_id here that is no integer and no string");
    }
    // Of other kinds than captions: boxes, key points.
    if (caption.empty() || caption == "null") continue;
    if (caption[0] != '"') return fail_at(offset_of(caption), "has a caption here that is no text");
    const auto image = image_of(image_id);
    if (!image) {
      ++tables_.orphans;
      continue;
    }
    if (tables_.captions.size() == kMostRecords) return fail_at(begin, "has too many captions");
    tables_.captions.push_back(offset_of(caption));
    images_of_captions_.push_back(*image);
  }
  return walk.broken() == nullptr;
}

// By image, and of one image in the order of the file.
void Maker::sort_captions() {
  ids_ = {};
  std::vector<std::uint32_t>& first = tables_.first_caption;
  first.assign(tables_.image_offsets.size() + 1, 0);
  for (const std::uint32_t image : images_of_captions_) ++first[image + 1];
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<std::uint64_t> sorted(tables_.captions.size());
  // Counts up to where the next image's captions begin, so that `first` is shifted by one then.
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sorted[first[images_of_captions_[i]]++] = tables_.captions[i];
  }
  std::copy_backward(first.begin(), first.end() - 1, first.end());
  first[0] = 0;
  tables_.captions = std::move(sorted);
  tables_.image_offsets.shrink_to_fit();
}

}  // namespace

Result<CocoTables> CocoTables::make(const ByteSource& source) {
  if (auto unchanged = source.check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  const std::string_view text = as_text(source.bytes());
  Maker maker(text);
  if (!maker.run()) {
    return tl::unexpected<Error>(broken_document(source.name(), maker.at(), maker.why()));
  }
  if (const std::size_t bad = first_bad_utf8(text); bad != std::string_view::npos) {
    return tl::unexpected<Error>(broken_document(source.name(), bad, "is not UTF-8 here"));
  }
  return std::move(maker.tables());
}

std::span<const std::uint64_t> CocoTables::captions_of(std::size_t image) const {
  return std::span(captions).subspan(first_caption[image],
                                     first_caption[image + 1] - first_caption[image]);
}

std::optional<std::size_t> CocoTables::first_of_id(std::size_t image) const {
  const auto found =
      std::lower_bound(repeated.begin(), repeated.end(), image,
                       [](const auto& entry, std::size_t wanted) { return entry.first < wanted; });
  if (found == repeated.end() || found->first != image) return std::nullopt;
  return found->second;
}

}  // namespace millrace
