#include "millrace/formats/tables/csv_shard.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/csv_records.h"
#include "millrace/formats/tables/line_numbers.h"
#include "millrace/formats/tables/row_fields.h"
#include "millrace/formats/tables/text_shard.h"

namespace millrace {

namespace {

// A header is read before anything is known to be right, so what it may cost is fixed.
constexpr std::size_t kMaxHeaderBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxColumns = 65536;
constexpr std::size_t kNoRank = ~std::size_t{0};

struct Column {
  std::string name;  // as the header has it
  std::string field;
  bool wanted = true;
  bool is_image = false;  // called as the field in which images stand
  // Its place in ReadOptions::keys and image_paths, or kNoRank.
  std::size_t key_rank = kNoRank;
  std::size_t path_rank = kNoRank;
};

std::size_t rank_in(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? kNoRank : static_cast<std::size_t>(found - names.begin());
}

// What pandas calls columns: those without a name by their number, repeated ones numbered. Repeated
// counts by the field's name, which has no upper case: two fields of one name would hide each
// other.
std::vector<Column> columns_of(const std::vector<std::string>& names, const ReadOptions& options) {
  std::unordered_set<std::string> taken;
  for (const std::string& name : names) taken.insert(lower(name));
  std::unordered_map<std::string, std::size_t> repeats;
  std::vector<Column> columns;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Column column;
    column.name = names[i].empty() ? "Unnamed: " + std::to_string(i) : names[i];
    column.field = lower(column.name);
    const auto [repeat, is_first] = repeats.emplace(column.field, 0);
    if (!is_first) {
      std::string suffix;
      do {
        suffix = "." + std::to_string(++repeat->second);
      } while (!taken.insert(column.field + suffix).second);
      column.name += suffix;
      column.field += suffix;
    }
    column.wanted = options.wants(column.field);
    column.is_image = column.field == "image";
    column.key_rank = rank_in(options.keys, column.name);
    column.path_rank = rank_in(options.image_paths, column.name);
    columns.push_back(std::move(column));
  }
  return columns;
}

// The candidate that stands most often outside of quotes in a line.
char guess_separator(std::string_view line, std::size_t columns) {
  constexpr std::string_view kCandidates = "\t,;|";
  std::array<std::size_t, kCandidates.size()> counts{};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    const std::size_t candidate = kCandidates.find(c);
    if (!quoted && candidate != std::string_view::npos) ++counts.at(candidate);
  }
  // Where the names are given, the first line is data, and a caption has commas of its own.
  if (columns > 0) {
    const auto fits = std::find(counts.begin(), counts.end(), columns - 1);
    if (columns > 1 && fits != counts.end()) {
      return kCandidates[static_cast<std::size_t>(fits - counts.begin())];
    }
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  return *most == 0 ? ',' : kCandidates[static_cast<std::size_t>(most - counts.begin())];
}

class CsvShard final : public TextShard {
 public:
  CsvShard(std::shared_ptr<const ByteSource> source, RowFields rows, const ReadOptions& options)
      : TextShard(std::move(source)),
        rows_(std::move(rows)),
        max_cell_bytes_(options.limits.max_expanded_bytes),
        lines_(this->source().bytes()) {}

  Result<void> read_header(const ReadOptions& options) {
    const std::size_t begin = text().starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    const std::string_view head = text().substr(0, begin + kMaxHeaderBytes);
    csv::Record first;
    // Only where it begins, behind blank lines, is independent of the separator.
    const bool empty = !csv::RecordScanner(head, begin, '\0').next(first);
    if (!options.separator.empty()) {
      separator_ = options.separator[0];
    } else if (!empty) {
      const std::string_view line = head.substr(first.begin);
      separator_ =
          guess_separator(line.substr(0, line.find_first_of("\r\n")), options.columns.size());
    }
    rows_begin_ = begin;
    if (!options.columns.empty()) {
      columns_ = columns_of(options.columns, options);
      return {};
    }
    if (!csv::RecordScanner(head, begin, separator_).next(first)) {
      return header_failure(begin, "has no first line, which names the columns");
    }
    if (first.end == head.size() && head.size() < text().size()) {
      return header_failure(first.begin, "has a first line of more than 4 MiB");
    }
    if (first.unterminated) {
      return header_failure(first.begin, "has a quote in its first line that is never closed");
    }
    const std::vector<std::string> names = cells_of(first);
    if (names.size() > kMaxColumns) {
      return header_failure(first.begin,
                            "names more than " + std::to_string(kMaxColumns) + " columns");
    }
    rows_begin_ = first.end;
    columns_ = columns_of(names, options);
    return {};
  }

  void find_samples(ShardIndex& index) const override {
    csv::RecordScanner scanner(text(), rows_begin_, separator_);
    csv::Record record;
    while (scanner.next(record)) {
      index.sample_offsets.push_back(record.begin);
      if (record.unterminated) ++index.damaged;
    }
  }

  Result<void> read_sample(std::uint64_t offset_bytes, Sample& sample) const override;

 private:
  // What is known of the row as a whole while its cells are read.
  struct Row {
    RowNames names;
    std::size_t key_rank = kNoRank;
    std::size_t path_rank = kNoRank;
    const Column* image = nullptr;
    std::string_view image_text;
  };

  tl::unexpected<Error> header_failure(std::uint64_t offset, const std::string& what) const {
    return failure(Reason::damaged_shard, offset, "the table " + what);
  }

  std::vector<std::string> cells_of(const csv::Record& record) const {
    std::vector<std::string> cells;
    csv::CellWalk walk(text().substr(0, record.end), record.begin, separator_);
    std::vector<std::uint8_t> unescaped;
    for (csv::Cell cell; walk.next(cell);) {
      unescaped.clear();
      if (cell.escaped) csv::unescape(cell.text, unescaped);
      cells.emplace_back(cell.escaped ? as_text(unescaped) : cell.text);
    }
    return cells;
  }

  tl::unexpected<Error> row_failure(Reason reason, std::uint64_t offset, std::string_view key,
                                    const std::string& what) const {
    return failure(reason, offset, "line " + std::to_string(lines_.line_at(offset)) + " " + what,
                   key);
  }

  Result<void> add_cell(const Column& column, const csv::Cell& cell, Row& row,
                        Sample& sample) const;

  RowFields rows_;
  std::uint64_t max_cell_bytes_;
  LineNumbers lines_;
  char separator_ = ',';
  std::size_t rows_begin_ = 0;
  std::vector<Column> columns_;
};

Result<void> CsvShard::add_cell(const Column& column, const csv::Cell& cell, Row& row,
                                Sample& sample) const {
  const bool names_row = column.key_rank < row.key_rank || column.path_rank < row.path_rank;
  if (!column.wanted && !names_row) return {};
  std::string_view text = cell.text;
  if (cell.escaped) {
    if (text.size() > max_cell_bytes_) {
      return row_failure(Reason::damaged_shard, sample.begin_bytes(), {},
                         "has a quoted cell of " + std::to_string(text.size()) +
                             " bytes, more than max_expanded_bytes");
    }
    std::vector<std::uint8_t>& own = sample.own_bytes();
    csv::unescape(text, own);
    text = as_text(own);
  }
  if (!text.empty() && column.key_rank < row.key_rank) {
    row.key_rank = column.key_rank;
    row.names.key = text;
  }
  if (!text.empty() && column.path_rank < row.path_rank) {
    row.path_rank = column.path_rank;
    row.names.image_column = column.name;
    row.names.image_path = text;
  }
  if (column.is_image) {
    row.image = &column;
    row.image_text = text;
  } else if (column.wanted) {
    sample.add_field(column.field, as_bytes(text));
  }
  return {};
}

Result<void> CsvShard::read_sample(std::uint64_t offset_bytes, Sample& sample) const {
  const bool begins = offset_bytes >= rows_begin_ && offset_bytes < text().size() &&
                      (offset_bytes == rows_begin_ || text()[offset_bytes - 1] == '\n' ||
                       text()[offset_bytes - 1] == '\r');
  if (!begins) {
    return failure(Reason::internal, offset_bytes,
                   "no row begins here: the offset is not of the index");
  }
  sample.reset(name(), offset_bytes);
  Row row;
  csv::CellWalk walk(text(), offset_bytes, separator_);
  std::size_t cells = 0;
  for (csv::Cell cell; walk.next(cell); ++cells) {
    if (cells >= columns_.size()) continue;
    if (auto added = add_cell(columns_[cells], cell, row, sample); !added) return added;
  }
  sample.set_end_bytes(walk.at());
  const std::string_view key = row.names.key.value_or(row.names.image_path);
  if (walk.unterminated()) {
    const std::uint64_t last = lines_.line_at(text().size() - 1);
    return row_failure(Reason::damaged_shard, offset_bytes, key,
                       "has a quote that is never closed, which takes everything behind it, up "
                       "to line " +
                           std::to_string(last));
  }
  if (cells > columns_.size()) {
    return row_failure(Reason::damaged_shard, offset_bytes, key,
                       "has " + std::to_string(cells) + " cells, but there are " +
                           std::to_string(columns_.size()) + " columns");
  }
  // The image's bytes will stand in the field of that name.
  const bool has_file = row.names.image_column && !ImageStore::is_url(row.names.image_path);
  if (row.image != nullptr && row.image->wanted && !has_file) {
    sample.add_field(row.image->field, as_bytes(row.image_text));
  }
  if (!row.names.key && !row.names.image_column) {
    row.names.number = lines_.line_at(offset_bytes) - lines_.line_at(rows_begin_);
  }
  return rows_.finish(row.names, sample);
}

}  // namespace

bool is_csv(std::string_view file_name, std::span<const std::uint8_t>) {
  const std::string name = lower(file_name);
  return name.ends_with(".csv") || name.ends_with(".tsv");
}

Result<std::shared_ptr<const Shard>> open_csv(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options) {
  auto rows = RowFields::open(path, options);
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  auto shard = std::make_shared<CsvShard>(std::move(bytes.source), std::move(*rows), options);
  if (auto header = shard->read_header(options); !header) {
    return tl::unexpected<Error>(std::move(header.error()));
  }
  return std::shared_ptr<const Shard>(std::move(shard));
}

}  // namespace millrace
