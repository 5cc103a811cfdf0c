#include "millrace/formats/tables/coco_shard.h"

#include <algorithm>
#include <utility>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/caption_json.h"
#include "millrace/formats/tables/caption_row.h"
#include "millrace/formats/tables/coco_tables.h"
#include "millrace/formats/tables/json_walk.h"
#include "millrace/formats/tables/text_shard.h"

namespace millrace {

namespace {

bool is_scalar(std::string_view value) { return value[0] != '{' && value[0] != '['; }

std::string_view unquoted(std::string_view key) { return key.substr(1, key.size() - 2); }

class CocoShard final : public TextShard {
 public:
  CocoShard(std::shared_ptr<const ByteSource> source, CocoTables tables, RowFields rows,
            ReadOptions options)
      : TextShard(std::move(source)),
        tables_(std::move(tables)),
        rows_(std::move(rows)),
        options_(std::move(options)) {}

  void find_samples(ShardIndex& index) const override {
    index.sample_offsets = tables_.image_offsets;
    index.damaged = tables_.repeated.size();
    index.skipped.captions_without_image = tables_.orphans;
  }

  Result<void> read_sample(std::uint64_t offset_bytes, Sample& sample) const override;

 private:
  tl::unexpected<Error> changed(std::uint64_t offset) const {
    return failure(Reason::io_error, offset, "the file changed while it was in use");
  }

  CocoTables tables_;
  RowFields rows_;
  ReadOptions options_;
};

Result<void> CocoShard::read_sample(std::uint64_t offset_bytes, Sample& sample) const {
  const std::vector<std::uint64_t>& offsets = tables_.image_offsets;
  const auto found = std::lower_bound(offsets.begin(), offsets.end(), offset_bytes);
  if (found == offsets.end() || *found != offset_bytes) {
    return failure(Reason::internal, offset_bytes,
                   "no image's record begins here: the offset is not of the index");
  }
  const auto image = static_cast<std::size_t>(found - offsets.begin());
  sample.reset(name(), offset_bytes);

  std::string_view id;
  std::string_view file_name;
  std::string_view key;
  std::string_view value;
  // The document was found right when it was opened; the file may have been written to since.
  JsonWalk first_walk(text(), offset_bytes);
  first_walk.enter('{');
  while (first_walk.next_member(key) && first_walk.value(value)) {
    if (key == "\"id\"") id = value;
    if (key == "\"file_name\"") file_name = value;
  }
  if (first_walk.broken() != nullptr || id.empty()) return changed(offset_bytes);
  sample.set_end_bytes(first_walk.at());
  if (const auto first = tables_.first_of_id(image)) {
    return failure(Reason::damaged_shard, offset_bytes,
                   "the image at byte " + std::to_string(offsets[*first]) +
                       " has the same id, and the captions",
                   id);
  }

  CaptionRow row(options_, sample);
  row.add("image_id", id);
  if (!file_name.empty()) row.add("file_name", file_name);
  row.begin_list("captions");
  for (const std::uint64_t caption : tables_.captions_of(image)) {
    if (!JsonWalk(text(), caption).value(value)) return changed(offset_bytes);
    row.add_entry(value);
  }
  row.end_list();
  JsonWalk walk(text(), offset_bytes);
  walk.enter('{');
  while (walk.next_member(key) && walk.value(value)) {
    const bool is_taken =
        key == "\"id\"" || key == "\"file_name\"" || key == "\"image_id\"" || key == "\"captions\"";
    if (!is_taken && is_scalar(value)) row.add(unquoted(key), value);
  }
  return row.finish(rows_);
}

}  // namespace

bool is_coco(std::string_view file_name, std::span<const std::uint8_t> bytes) {
  return caption_json_kind(file_name, bytes) == CaptionJson::coco;
}

Result<std::shared_ptr<const Shard>> open_coco(const std::string& path, ShardBytes bytes,
                                               const ReadOptions& options) {
  auto rows = RowFields::open(path, options);
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  auto tables = CocoTables::make(*bytes.source);
  if (!tables) return tl::unexpected<Error>(std::move(tables.error()));
  return std::make_shared<const CocoShard>(std::move(bytes.source), std::move(*tables),
                                           std::move(*rows), options);
}

}  // namespace millrace
