#include "millrace/formats/tables/jsonl_shard.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/formats/tables/json_row_reader.h"
#include "millrace/formats/tables/line_numbers.h"
#include "millrace/formats/tables/modality_images.h"
#include "millrace/formats/tables/row_fields.h"

namespace millrace {

namespace {

using Bytes = std::span<const std::uint8_t>;
using Values = std::vector<std::optional<std::string_view>>;

/// Of an index so much is walked before what was walked is given back.
constexpr std::uint64_t kWindowBytes = std::uint64_t{8} << 20;
/// A line above this does not keep the buffers that it needed.
constexpr std::size_t kMostKeptBytes = std::size_t{16} << 20;

bool is_blank_byte(std::uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

std::size_t mark_length(Bytes text) {
  constexpr std::size_t kMark = 3;
  return text.size() >= kMark && std::memcmp(text.data(), "\xef\xbb\xbf", kMark) == 0 ? kMark : 0;
}

// Where the line that begins at `begin` ends: at its line feed, or at the end of the text.
std::uint64_t line_end(Bytes text, std::uint64_t begin) {
  const void* end = std::memchr(text.data() + begin, '\n', text.size() - begin);
  return end == nullptr
             ? text.size()
             : static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(end) - text.data());
}

// The line without a byte order mark and without the CR of its end.
Bytes content_of(Bytes text, std::uint64_t begin, std::uint64_t end) {
  if (begin == 0) begin = std::min<std::uint64_t>(mark_length(text), end);
  if (end > begin && text[end - 1] == '\r') --end;
  return text.subspan(begin, end - begin);
}

bool is_blank_line(Bytes text, std::uint64_t begin, std::uint64_t end) {
  // Nearly every line begins with its brace.
  if (begin < end && !is_blank_byte(text[begin]) && begin > 0) return false;
  const Bytes content = content_of(text, begin, end);
  return std::all_of(content.begin(), content.end(), is_blank_byte);
}

// Makes room for one more offset. How many there will be is guessed from the part of the text that
// has been walked: doubling would copy them all, and hold them twice meanwhile.
void make_room(std::vector<std::uint64_t>& offsets, std::uint64_t walked, std::uint64_t all) {
  if (offsets.size() < offsets.capacity()) return;
  constexpr std::size_t kFirst = 4096;
  const std::size_t have = offsets.size();
  if (have < kFirst) return offsets.reserve(kFirst);
  const double share =
      static_cast<double>(all) / static_cast<double>(std::max<std::uint64_t>(walked, 1));
  const auto guess = static_cast<std::size_t>(static_cast<double>(have) * share * 1.02) + kFirst;
  offsets.reserve(std::clamp(guess, have + have / 4, 64 * have));
}

class JsonlShard final : public Shard {
 public:
  JsonlShard(std::shared_ptr<const ByteSource> source, RowFields rows, const ReadOptions& options)
      : source_(std::move(source)),
        rows_(std::move(rows)),
        modalities_(options),
        wants_modalities_(options.wants(ModalityImages::kField)),
        max_line_bytes_(options.limits.max_line_bytes),
        keys_(options.keys.size()),
        image_columns_(options.image_paths),
        line_numbers_(source_->bytes()) {
    for (const std::string& key : options.keys) paths_.push_back(JsonRowReader::path_of(key));
    for (const std::string& path : options.image_paths) {
      paths_.push_back(JsonRowReader::path_of(path));
    }
  }

  std::string_view name() const override { return source_->name(); }
  const ByteSource& source() const override { return *source_; }

  Result<ShardIndex> index() const override {
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      return tl::unexpected<Error>(std::move(unchanged.error()));
    }
    ShardIndex index;
    std::vector<std::uint64_t>& offsets = index.sample_offsets;
    const Bytes text = source_->bytes();
    std::uint64_t window = 0;
    for (std::uint64_t begin = 0; begin < text.size();) {
      const std::uint64_t end = line_end(text, begin);
      if (!is_blank_line(text, begin, end)) {
        make_room(offsets, begin, text.size());
        offsets.push_back(begin);
      }
      begin = end + 1;
      if (begin - window < kWindowBytes) continue;
      source_->done_with(window, begin);
      window = begin;
      if (auto unchanged = source_->check_unchanged(); !unchanged) {
        return tl::unexpected<Error>(std::move(unchanged.error()));
      }
    }
    source_->done_with(window, text.size());
    return index;
  }

  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    sample.reset(name(), offset_bytes);
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      return located(std::move(unchanged.error()), offset_bytes);
    }
    const Bytes text = source_->bytes();
    const bool begins_line =
        offset_bytes < text.size() && (offset_bytes == 0 || text[offset_bytes - 1] == '\n');
    if (!begins_line) return no_sample_at(offset_bytes);
    const std::uint64_t end = line_end(text, offset_bytes);
    if (is_blank_line(text, offset_bytes, end)) return no_sample_at(offset_bytes);
    sample.set_end_bytes(end);
    const Bytes line = content_of(text, offset_bytes, end);
    if (line.size() > max_line_bytes_) {
      return bad_line(offset_bytes, std::to_string(line.size()) +
                                        " bytes are more than max_line_bytes = " +
                                        std::to_string(max_line_bytes_));
    }
    sample.add_field("json", line);

    // A reader is some KiB to begin with, and many shards may be open: so it belongs to the thread.
    thread_local JsonRowReader reader;
    thread_local Values values;
    Result<void> result;
    if (reader.read(line, paths_, values)) {
      result = finish(offset_bytes, values, sample);
      if (result && wants_modalities_) result = modalities_.add(line, rows_, sample);
    } else {
      result = bad_line(offset_bytes, reader.why());
    }
    if (reader.buffer_bytes() > kMostKeptBytes) reader = JsonRowReader();
    return result;
  }

 private:
  Result<void> finish(std::uint64_t offset_bytes, const Values& values, Sample& sample) const {
    RowNames row;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i]) continue;
      if (i < keys_) {
        if (!row.key) row.key = *values[i];
      } else {
        row.image_column = image_columns_[i - keys_];
        row.image_path = *values[i];
        break;
      }
    }
    if (!row.key && !row.image_column) row.number = line_numbers_.line_at(offset_bytes) - 1;
    return rows_.finish(row, sample);
  }

  tl::unexpected<Error> located(Error error, std::uint64_t offset_bytes) const {
    error.shard = name();
    error.offset_bytes = offset_bytes;
    return tl::unexpected<Error>(std::move(error));
  }

  tl::unexpected<Error> no_sample_at(std::uint64_t offset_bytes) const {
    return located({Reason::internal,
                    "no line of JSON begins here: the offset is not of the index",
                    {},
                    offset_bytes,
                    {}},
                   offset_bytes);
  }

  tl::unexpected<Error> bad_line(std::uint64_t offset_bytes, std::string_view why) const {
    return located({Reason::bad_json,
                    "line " + std::to_string(line_numbers_.line_at(offset_bytes)) +
                        " is no JSON object: " + std::string(why),
                    {},
                    offset_bytes,
                    {}},
                   offset_bytes);
  }

  std::shared_ptr<const ByteSource> source_;
  RowFields rows_;
  ModalityImages modalities_;
  bool wants_modalities_;
  std::uint64_t max_line_bytes_;
  std::size_t keys_;
  std::vector<std::string> image_columns_;
  std::vector<JsonRowReader::Path> paths_;  // those of the keys, then those of the images
  LineNumbers line_numbers_;
};

}  // namespace

bool is_jsonl(std::string_view file_name, Bytes bytes) {
  for (const std::string_view ending : {".jsonl", ".ndjson", ".jsonlines"}) {
    if (file_name.ends_with(ending)) return true;
  }
  std::uint64_t begin = mark_length(bytes);
  while (begin < bytes.size() && (is_blank_byte(bytes[begin]) || bytes[begin] == '\n')) ++begin;
  if (begin == bytes.size() || bytes[begin] != '{') return false;
  const Bytes first = bytes.subspan(begin, line_end(bytes, begin) - begin);
  if (first.size() > ReadLimits{}.max_line_bytes) return false;
  Values values;
  return JsonRowReader().read(first, {}, values);
}

Result<std::shared_ptr<const Shard>> open_jsonl(const std::string& path, ShardBytes bytes,
                                                const ReadOptions& options) {
  auto rows = RowFields::open(path, options, ModalityImages::kField);
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  return std::make_shared<const JsonlShard>(std::move(bytes.source), std::move(*rows), options);
}

}  // namespace millrace
