#include "millrace/formats/tables/flickr30k_lines.h"

#include <algorithm>
#include <utility>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/caption_row.h"
#include "millrace/formats/tables/json_text.h"
#include "millrace/formats/tables/line_numbers.h"
#include "millrace/formats/tables/text_shard.h"

namespace millrace {

namespace {

constexpr std::string_view kBlanks = " \t\r";
// A first line longer than this is none of Flickr30k's.
constexpr std::size_t kFirstLineBytes = 64 * 1024;

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<ImageCaption> parse_token_line(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  const std::string_view name = line.substr(0, tab);
  const std::size_t hash = name.rfind('#');
  if (hash == std::string_view::npos || hash == 0) return std::nullopt;
  if (!is_number(trim(name.substr(hash + 1), kBlanks))) return std::nullopt;
  return ImageCaption{name.substr(0, hash), line.substr(tab + 1)};
}

std::optional<ImageCaption> parse_bar_line(std::string_view line) {
  const std::size_t bar = line.find('|');
  if (bar == std::string_view::npos) return std::nullopt;
  const std::string_view image = trim(line.substr(0, bar), kBlanks);
  const std::string_view rest = trim(line.substr(bar + 1), kBlanks);
  const std::size_t number_end = std::min(rest.find_first_of("| \t"), rest.size());
  if (image.empty() || !is_number(rest.substr(0, number_end))) return std::nullopt;
  std::string_view caption = trim(rest.substr(number_end), kBlanks);
  if (caption.starts_with('|')) caption = trim(caption.substr(1), kBlanks);
  return ImageCaption{image, caption};
}

constexpr Flickr30kLines kTokenLines = {parse_token_line, false};
constexpr Flickr30kLines kBarLines = {parse_bar_line, true};

// Gives the lines of a text that are not blank, without their line ends.
class LineWalk {
 public:
  LineWalk(std::string_view text, std::size_t at) : text_(text), next_(at) {}
  bool next() {
    while (next_ < text_.size()) {
      begin_ = next_;
      const std::size_t line_feed = std::min(text_.find('\n', begin_), text_.size());
      next_ = std::min(line_feed + 1, text_.size());
      line_ = text_.substr(begin_, line_feed - begin_);
      if (line_.ends_with('\r')) line_.remove_suffix(1);
      if (line_.find_first_not_of(kBlanks) != std::string_view::npos) return true;
    }
    return false;
  }
  std::string_view line() const { return line_; }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return next_; }

 private:
  std::string_view text_;
  std::string_view line_;
  std::size_t begin_ = 0;
  std::size_t next_;
};

std::size_t text_begin(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
}

class LinesShard final : public TextShard {
 public:
  LinesShard(const Flickr30kLines& lines, std::shared_ptr<const ByteSource> source, RowFields rows,
             ReadOptions options)
      : TextShard(std::move(source)),
        form_(lines),
        rows_(std::move(rows)),
        options_(std::move(options)),
        line_numbers_(this->source().bytes()),
        begin_(text_begin(text())) {
    LineWalk header(text(), begin_);
    if (form_.has_header && header.next()) begin_ = header.end();
  }

  void find_samples(ShardIndex& index) const override {
    std::string_view image;  // of the sample that a line may belong to; empty: of none
    for (LineWalk walk(text(), begin_); walk.next();) {
      const auto parsed = form_.parse(walk.line());
      if (!parsed) ++index.damaged;
      if (parsed && !image.empty() && parsed->image == image) continue;
      index.sample_offsets.push_back(walk.begin());
      image = parsed ? parsed->image : std::string_view{};
    }
  }

  Result<void> read_sample(std::uint64_t offset_bytes, Sample& sample) const override;

 private:
  std::string line_at(std::uint64_t offset) const {
    return "line " + std::to_string(line_numbers_.line_at(offset));
  }

  Flickr30kLines form_;
  RowFields rows_;
  ReadOptions options_;
  LineNumbers line_numbers_;
  std::size_t begin_;
};

Result<void> LinesShard::read_sample(std::uint64_t offset_bytes, Sample& sample) const {
  LineWalk walk(text(), offset_bytes);
  const bool begins = offset_bytes >= begin_ && offset_bytes < text().size() &&
                      (offset_bytes == begin_ || text()[offset_bytes - 1] == '\n');
  if (!begins || !walk.next() || walk.begin() != offset_bytes) {
    return failure(Reason::internal, offset_bytes,
                   "no sample begins here: the offset is not of the index", {});
  }
  sample.reset(name(), offset_bytes);
  auto parsed = form_.parse(walk.line());
  if (!parsed) {
    return failure(Reason::damaged_shard, offset_bytes,
                   line_at(offset_bytes) + " is no image's name, number and caption", {});
  }
  const std::string_view image = parsed->image;
  CaptionRow row(options_, sample);
  if (first_bad_utf8(image) != std::string_view::npos) {
    return failure(Reason::bad_text, offset_bytes,
                   line_at(offset_bytes) + " names an image in no UTF-8", {});
  }
  row.add_text("image", image);
  row.begin_list("captions");
  do {
    if (first_bad_utf8(parsed->caption) != std::string_view::npos) {
      return failure(Reason::bad_text, offset_bytes, line_at(walk.begin()) + " is not UTF-8",
                     image);
    }
    row.add_text_entry(parsed->caption);
    sample.set_end_bytes(walk.end());
    if (!walk.next()) break;
    parsed = form_.parse(walk.line());
  } while (parsed && parsed->image == image);
  row.end_list();
  return row.finish(rows_);
}

}  // namespace

const Flickr30kLines* flickr30k_lines_of(std::span<const std::uint8_t> bytes) {
  const std::string_view text = as_text(bytes.first(std::min(bytes.size(), kFirstLineBytes)));
  LineWalk walk(text, text_begin(text));
  // A tar's first line may end in one of these, behind the header of its first member.
  if (!walk.next() || walk.line().find('\0') != std::string_view::npos) return nullptr;
  if (parse_token_line(walk.line())) return &kTokenLines;
  const std::string_view line = walk.line();
  const bool names_columns = trim(line.substr(0, line.find('|')), kBlanks) == "image_name" &&
                             line.find("comment_number") != std::string_view::npos;
  return names_columns ? &kBarLines : nullptr;
}

Result<std::shared_ptr<const Shard>> open_flickr30k_lines(const Flickr30kLines& lines,
                                                          const std::string& path,
                                                          std::shared_ptr<const ByteSource> source,
                                                          const ReadOptions& options) {
  auto rows = RowFields::open(path, options);
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  return std::make_shared<const LinesShard>(lines, std::move(source), std::move(*rows), options);
}

}  // namespace millrace
