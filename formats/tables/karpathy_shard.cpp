#include "millrace/formats/tables/karpathy_shard.h"

#include <functional>
#include <string_view>
#include <utility>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/caption_json.h"
#include "millrace/formats/tables/caption_row.h"
#include "millrace/formats/tables/json_text.h"
#include "millrace/formats/tables/json_walk.h"
#include "millrace/formats/tables/text_shard.h"

namespace millrace {

namespace {

std::string_view inside_quotes(std::string_view written) {
  return written.substr(1, written.size() - 2);
}

bool is_string(std::string_view value) { return value.starts_with('"'); }

// What of an image's record becomes the sample, as it is written.
struct Record {
  std::string_view file;
  std::string_view folder;
  std::string_view split;
  std::string_view sentences;
};

class KarpathyShard final : public TextShard {
 public:
  KarpathyShard(std::shared_ptr<const ByteSource> source, std::size_t images_at, RowFields rows,
                ReadOptions options)
      : TextShard(std::move(source)),
        images_at_(images_at),
        rows_(std::move(rows)),
        options_(std::move(options)) {}

  void find_samples(ShardIndex& index) const override {
    const Walked walked =
        walk([&](std::uint64_t record) { index.sample_offsets.push_back(record); });
    if (walked.broken != nullptr) {
      ++index.damaged;
      if (!walked.in_record) index.sample_offsets.push_back(text().size());
    }
  }

  Result<void> read_sample(std::uint64_t offset_bytes, Sample& sample) const override;

 private:
  struct Walked {
    const char* broken = nullptr;
    std::uint64_t at = 0;
    bool in_record = false;
  };
  // Gives the records to `record`, and walks what is behind them.
  Walked walk(const std::function<void(std::uint64_t)>& record) const;

  // Nothing if a record begins there, as far as can be seen.
  Result<void> check_place(std::uint64_t offset) const;
  Result<Record> record_at(std::uint64_t offset, Sample& sample) const;

  std::size_t images_at_;
  RowFields rows_;
  ReadOptions options_;
};

KarpathyShard::Walked KarpathyShard::walk(const std::function<void(std::uint64_t)>& record) const {
  JsonWalk walk(text(), json_begin(text()));
  std::string_view key;
  std::string_view value;
  walk.enter('{');
  while (walk.next_member(key)) {
    walk.peek();
    if (walk.at() != images_at_) {
      walk.value(value);
      continue;
    }
    walk.enter('[');
    while (walk.next_entry()) {
      walk.peek();
      if (walk.at() == text().size()) {
        walk.fail("ends within a list");
        break;
      }
      record(walk.at());
      if (!walk.value(value)) return {walk.broken(), walk.at(), true};
    }
  }
  if (walk.broken() == nullptr && !walk.at_end()) walk.fail("has something behind its end");
  return {walk.broken(), walk.at(), false};
}

Result<void> KarpathyShard::check_place(std::uint64_t offset) const {
  if (offset == text().size()) {
    const Walked walked = walk([](std::uint64_t) {});
    if (walked.broken != nullptr) {
      return failure(
          Reason::damaged_shard, offset,
          "the document " + std::string(walked.broken) + ", at byte " + std::to_string(walked.at));
    }
  }
  const std::size_t before = offset == 0 || offset >= text().size()
                                 ? std::string_view::npos
                                 : text().find_last_not_of(" \t\r\n", offset - 1);
  if (before == std::string_view::npos || (text()[before] != '[' && text()[before] != ',')) {
    return failure(Reason::internal, offset,
                   "no image's record begins here: the offset is not of the index");
  }
  return {};
}

Result<Record> KarpathyShard::record_at(std::uint64_t offset, Sample& sample) const {
  std::string_view written;
  std::string_view key;
  std::string_view value;
  JsonWalk whole(text(), offset);
  if (!whole.value(written)) {
    return failure(
        Reason::damaged_shard, offset,
        "the document " + std::string(whole.broken()) + ", at byte " + std::to_string(whole.at()));
  }
  sample.set_end_bytes(whole.at());
  if (first_bad_utf8(written) != std::string_view::npos) {
    return failure(Reason::bad_text, offset, "the image's record is not UTF-8");
  }
  JsonWalk walk(written);
  if (!walk.enter('{')) return failure(Reason::bad_json, offset, "an image is no object");
  Record record;
  while (walk.next_member(key) && walk.value(value)) {
    if (key == "\"filename\"") record.file = value;
    if (key == "\"filepath\"") record.folder = value;
    if (key == "\"split\"") record.split = value;
    if (key == "\"sentences\"") record.sentences = value;
  }
  if (!is_string(record.file)) {
    return failure(Reason::bad_json, offset, "an image has no text `filename`");
  }
  return record;
}

Result<void> KarpathyShard::read_sample(std::uint64_t offset_bytes, Sample& sample) const {
  if (auto place = check_place(offset_bytes); !place) return place;
  sample.reset(name(), offset_bytes);
  const auto record = record_at(offset_bytes, sample);
  if (!record) return tl::unexpected<Error>(record.error());

  // Both are JSON text, so what is joined of them is.
  std::vector<std::uint8_t>& image = sample.own_bytes();
  const auto append = [&](std::string_view text) {
    image.insert(image.end(), text.begin(), text.end());
  };
  append("\"");
  if (is_string(record->folder) && !inside_quotes(record->folder).empty()) {
    append(inside_quotes(record->folder));
    if (image.back() != '/') append("/");
  }
  append(inside_quotes(record->file));
  append("\"");

  CaptionRow row(options_, sample);
  row.add("image", as_text(image));
  row.begin_list("captions");
  JsonWalk list(record->sentences);
  std::string_view key;
  std::string_view value;
  if (!record->sentences.empty() && record->sentences != "null" && !list.enter('[')) {
    return failure(Reason::bad_json, offset_bytes, "an image's `sentences` are no list");
  }
  while (!record->sentences.empty() && record->sentences != "null" && list.next_entry()) {
    std::string_view raw;
    if (!list.enter('{')) {
      return failure(Reason::bad_json, offset_bytes, "a sentence is no object");
    }
    while (list.next_member(key) && list.value(value)) {
      if (key == "\"raw\"") raw = value;
    }
    if (!is_string(raw)) {
      return failure(Reason::bad_json, offset_bytes, "a sentence has no text `raw`");
    }
    row.add_entry(raw);
  }
  row.end_list();
  if (is_string(record->split)) row.add("split", record->split);
  return row.finish(rows_);
}

// Where the list `images` begins.
Result<std::size_t> find_images(const ByteSource& source) {
  const std::string_view text = as_text(source.bytes());
  JsonWalk walk(text, json_begin(text));
  std::string_view key;
  std::string_view value;
  if (!walk.enter('{')) {
    return tl::unexpected<Error>(broken_document(source.name(), walk.at(), "is no object"));
  }
  while (walk.next_member(key)) {
    if (key == "\"images\"" && walk.peek() == '[') return walk.at();
    if (!walk.value(value)) break;
  }
  const char* why = walk.broken() == nullptr ? "has no list `images`" : walk.broken();
  return tl::unexpected<Error>(broken_document(source.name(), walk.at(), why));
}

}  // namespace

Result<std::shared_ptr<const Shard>> open_karpathy(const std::string& path,
                                                   std::shared_ptr<const ByteSource> source,
                                                   const ReadOptions& options) {
  if (auto unchanged = source->check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  const auto images_at = find_images(*source);
  if (!images_at) return tl::unexpected<Error>(images_at.error());
  auto rows = RowFields::open(path, options);
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  return std::make_shared<const KarpathyShard>(std::move(source), *images_at, std::move(*rows),
                                               options);
}

}  // namespace millrace
