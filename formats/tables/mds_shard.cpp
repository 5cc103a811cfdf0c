#include "millrace/formats/tables/mds_shard.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/formats/index/little_endian-inl.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/mds_index.h"
#include "millrace/formats/tables/row_fields.h"

namespace millrace {

namespace {

constexpr std::size_t kWordBytes = 4;

/// A sample's number as its key, with as many digits as img2dataset's keys have.
class NumberedKey {
 public:
  explicit NumberedKey(std::uint64_t number)
      : length_(std::snprintf(text_.data(), text_.size(), "%09llu",
                              static_cast<unsigned long long>(number))) {}
  std::string_view text() const { return {text_.data(), static_cast<std::size_t>(length_)}; }

 private:
  std::array<char, 24> text_;
  int length_;
};

bool is_text(const MdsColumn& column) {
  return column.encoding == "bytes" || column.encoding.starts_with("str");
}

/// A column, and what the options make of it.
struct Place {
  MdsKind kind;
  std::optional<std::uint32_t> fixed_bytes;
  std::string name;   // as the table has it
  std::string field;  // lower-cased
  bool is_wanted;
  bool is_json;
};

/// The number of the first of `names` that is a column which `fits`.
template <typename Fits>
std::optional<std::size_t> first_column(const std::vector<std::string>& names,
                                        const std::vector<MdsColumn>& columns, Fits fits) {
  for (const std::string& name : names) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const MdsColumn& column) {
      return column.name == name && fits(column);
    });
    if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  }
  return std::nullopt;
}

/// The shard's beginning: how many samples, and where each begins. Checked on opening.
class Offsets {
 public:
  /// Errors: damaged_shard if the table is not all there or the samples begin inside of it.
  static Result<Offsets> read(std::span<const std::uint8_t> bytes) {
    const auto damage = [](std::string message) {
      return fail(Reason::damaged_shard, std::move(message));
    };
    const std::string has = ", but the shard has " + std::to_string(bytes.size()) + " bytes";
    if (bytes.size() < kWordBytes) return damage("the number of samples is cut" + has);
    Offsets offsets;
    offsets.table_ = bytes.data() + kWordBytes;
    offsets.count_ = little_endian::load<std::uint32_t>(bytes.data());
    const std::uint64_t end = kWordBytes * (std::uint64_t{2} + offsets.count_);
    if (end > bytes.size()) {
      return damage("the offsets of " + std::to_string(offsets.count_) + " samples need " +
                    std::to_string(end) + " bytes" + has);
    }
    if (offsets[0] < end) {
      return damage("the first sample begins at byte " + std::to_string(offsets[0]) +
                    ", inside of the table of offsets");
    }
    offsets.end_bytes_ = end;
    while (offsets.rising_ < offsets.count_ &&
           offsets[offsets.rising_ + 1] > offsets[offsets.rising_]) {
      ++offsets.rising_;
    }
    return offsets;
  }

  std::uint64_t operator[](std::size_t sample) const {
    return little_endian::load<std::uint32_t>(table_ + kWordBytes * sample);
  }
  std::size_t count() const { return count_; }
  /// So many samples end behind their beginning. Behind a fall nothing is told from anything.
  std::size_t rising() const { return rising_; }
  /// Where the table ends and the config begins.
  std::uint64_t end_bytes() const { return end_bytes_; }

  /// The sample, or the fall behind the rising ones, that begins at this byte.
  std::optional<std::size_t> find(std::uint64_t offset_bytes) const {
    std::size_t low = 0;
    std::size_t high = std::min(rising_ + 1, count_);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if ((*this)[middle] < offset_bytes) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool found = low < std::min(rising_ + 1, count_) && (*this)[low] == offset_bytes;
    return found ? std::optional(low) : std::nullopt;
  }

 private:
  Offsets() = default;

  const std::uint8_t* table_ = nullptr;
  std::size_t count_ = 0;
  std::size_t rising_ = 0;
  std::uint64_t end_bytes_ = 0;
};

class MdsShard final : public Shard {
 public:
  MdsShard(std::shared_ptr<const ByteSource> source, const Offsets& offsets,
           const std::vector<MdsColumn>& columns, std::uint64_t first_sample, RowFields rows,
           const ReadOptions& options)
      : source_(std::move(source)),
        offsets_(offsets),
        first_sample_(first_sample),
        rows_(std::move(rows)),
        key_column_(first_column(options.keys, columns,
                                 [](const MdsColumn& column) {
                                   return column.kind != MdsKind::bytes || is_text(column);
                                 })),
        image_column_(first_column(options.image_paths, columns, [](const MdsColumn& column) {
          return column.encoding == "str";
        })) {
    for (const MdsColumn& column : columns) {
      const std::string field = lower(column.name);
      places_.push_back({column.kind, column.fixed_bytes, column.name, field, options.wants(field),
                         column.encoding == "json"});
      if (!column.fixed_bytes) sizes_bytes_ += kWordBytes;
      if (column.kind != MdsKind::bytes) numbers_bytes_ += kMostMdsNumberBytes;
    }
  }

  std::string_view name() const override { return source_->name(); }
  const ByteSource& source() const override { return *source_; }

  Result<ShardIndex> index() const override {
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      return tl::unexpected<Error>(std::move(unchanged.error()));
    }
    ShardIndex index;
    const std::uint64_t size = source_->bytes().size();
    for (std::size_t i = 0; i < offsets_.rising(); ++i) {
      index.sample_offsets.push_back(offsets_[i]);
      if (offsets_[i + 1] > size) ++index.damaged;
    }
    if (has_damaged_end()) {
      index.sample_offsets.push_back(offsets_[offsets_.rising()]);
      ++index.damaged;
    }
    return index;
  }

  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      unchanged.error().offset_bytes = offset_bytes;
      return unchanged;
    }
    if (has_damaged_end() && offset_bytes == offsets_[offsets_.rising()]) return damaged_end();
    const auto found = offsets_.find(offset_bytes);
    if (!found) {
      return tl::unexpected<Error>(Error{Reason::internal,
                                         "no sample begins here: the offset is not of the index",
                                         std::string(name()),
                                         offset_bytes,
                                         {}});
    }
    const std::uint64_t end = offsets_[*found + 1];
    const std::uint64_t size = source_->bytes().size();
    if (end > size) {
      return damage(*found, "the sample ends at byte " + std::to_string(end) +
                                ", but the shard has " + std::to_string(size) + " bytes");
    }
    sample.reset(name(), offset_bytes);
    sample.set_end_bytes(end);
    return fill(*found, source_->bytes().subspan(offset_bytes, end - offset_bytes), sample);
  }

 private:
  using Bytes = std::span<const std::uint8_t>;

  bool has_damaged_end() const {
    return offsets_.rising() < offsets_.count() ||
           offsets_[offsets_.count()] < source_->bytes().size();
  }

  tl::unexpected<Error> damaged_end() const {
    const std::size_t rising = offsets_.rising();
    const std::uint64_t begin = offsets_[rising];
    if (rising < offsets_.count()) {
      return damage(rising, "the offsets do not rise: the sample ends at byte " +
                                std::to_string(offsets_[rising + 1]) + "; it and the " +
                                std::to_string(offsets_.count() - rising - 1) +
                                " behind it are lost");
    }
    return tl::unexpected<Error>(
        Error{Reason::damaged_shard,
              std::to_string(source_->bytes().size() - begin) + " bytes follow the last sample",
              std::string(name()),
              begin,
              {}});
  }

  tl::unexpected<Error> damage(std::size_t sample, const std::string& message) const {
    const std::uint64_t number = first_sample_ + sample;
    return tl::unexpected<Error>(Error{
        Reason::damaged_shard, "sample " + std::to_string(number) + ": " + message,
        std::string(name()), offsets_[sample],
        key_column_ || image_column_ ? std::string() : std::string(NumberedKey(number).text())});
  }

  /// Cuts the sample's bytes into columns: the sizes of those that vary, then the values.
  Result<void> fill(std::size_t number, Bytes bytes, Sample& sample) const {
    if (sizes_bytes_ > bytes.size()) {
      return damage(number, "the sizes of its columns need " + std::to_string(sizes_bytes_) +
                                " bytes, but it has " + std::to_string(bytes.size()));
    }
    const std::uint8_t* sizes = bytes.data();
    Bytes rest = bytes.subspan(sizes_bytes_);
    std::vector<std::uint8_t>* numbers = nullptr;
    RowNames row;
    row.number = first_sample_ + number;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      std::uint32_t size = place.fixed_bytes.value_or(0);
      if (!place.fixed_bytes) {
        size = little_endian::load<std::uint32_t>(sizes);
        sizes += kWordBytes;
      }
      if (size > rest.size()) {
        return damage(number, "column '" + place.name + "' has " + std::to_string(size) +
                                  " bytes, but " + std::to_string(rest.size()) + " are left");
      }
      Bytes value = rest.first(size);
      rest = rest.subspan(size);
      const bool is_key = key_column_ == i;
      const bool is_path = image_column_ == i;
      if (!place.is_wanted && !is_key && !is_path) continue;
      if (place.kind != MdsKind::bytes) {
        if (numbers == nullptr) {
          numbers = &sample.own_bytes();
          numbers->reserve(numbers_bytes_);  // so that what lies in it stays where it is
        }
        const std::size_t begin = numbers->size();
        append_mds_number(place.kind, value, *numbers);
        value = Bytes(*numbers).subspan(begin);
      }
      const std::string_view text = as_text(value);
      if (is_key) row.key = text;
      if (is_path) {
        row.image_column = place.name;
        row.image_path = text;
      }
      if (place.is_wanted && !(is_path && RowFields::replaces_column(row))) {
        sample.add_field(place.field, value, place.is_json);
      }
    }
    if (!rest.empty()) {
      return damage(number, std::to_string(rest.size()) + " of its bytes belong to no column");
    }
    const NumberedKey numbered(row.number);
    if (!row.key && !row.image_column) row.key = numbered.text();
    return rows_.finish(row, sample);
  }

  std::shared_ptr<const ByteSource> source_;
  Offsets offsets_;
  std::uint64_t first_sample_;
  RowFields rows_;
  std::optional<std::size_t> key_column_;
  std::optional<std::size_t> image_column_;
  std::vector<Place> places_;
  std::size_t sizes_bytes_ = 0;    // of the sizes that begin each sample
  std::size_t numbers_bytes_ = 0;  // the most that a sample's numbers take as text
};

/// What index.json says, held against the shard. Errors: damaged_shard if they contradict.
Result<void> check_entry(const MdsIndexEntry& entry, const Offsets& offsets,
                         std::uint64_t shard_bytes) {
  if (entry.samples != offsets.count()) {
    return fail(Reason::damaged_shard, "index.json gives it " + std::to_string(entry.samples) +
                                           " samples, its header " +
                                           std::to_string(offsets.count()));
  }
  // Where the file does not end with its last sample, the entries say so.
  if (entry.bytes != shard_bytes && offsets[offsets.count()] == shard_bytes) {
    return fail(Reason::damaged_shard, "index.json gives it " + std::to_string(entry.bytes) +
                                           " bytes, but it has " + std::to_string(shard_bytes));
  }
  return {};
}

/// The columns, as index.json has them, which the shard's own config must not contradict; without
/// an index the config's.
Result<std::vector<MdsColumn>> columns_of(const Offsets& offsets,
                                          std::span<const std::uint8_t> bytes,
                                          const MdsIndexEntry* entry) {
  const std::uint64_t end = offsets[0];
  if (end > bytes.size()) {
    if (entry != nullptr) return *entry->columns;
    return fail(Reason::damaged_shard, "the config is cut at byte " + std::to_string(bytes.size()));
  }
  auto own = parse_mds_config(bytes.subspan(offsets.end_bytes(), end - offsets.end_bytes()));
  if (entry == nullptr) {
    if (!own) own.error().message = "the config is damaged: " + own.error().message;
    return own;
  }
  if (own && *own != *entry->columns) {
    return fail(Reason::damaged_shard, "index.json gives it other columns than its own config");
  }
  return *entry->columns;
}

bool is_unread_compression(std::string_view file_name) {
  return file_name.ends_with(".mds.br") || file_name.ends_with(".mds.snappy");
}

}  // namespace

bool is_mds(std::string_view file_name, std::span<const std::uint8_t> /*bytes*/) {
  return file_name.ends_with(".mds") || is_unread_compression(file_name);
}

Result<std::shared_ptr<const Shard>> open_mds(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options) {
  const auto located = [&path](Error error) {
    if (error.shard.empty()) error.shard = path;
    return tl::unexpected<Error>(std::move(error));
  };
  if (is_unread_compression(path)) {
    return located({Reason::io_error,
                    "MDS shards compressed with brotli or snappy are not read",
                    path,
                    Error::kNoOffset,
                    {}});
  }
  const std::span<const std::uint8_t> shard_bytes = bytes.source->bytes();
  const auto offsets = Offsets::read(shard_bytes);
  if (!offsets) return located(offsets.error());
  const auto found = find_mds_entry(path);
  if (!found) return located(found.error());
  if (found->entry != nullptr) {
    const auto agrees = check_entry(*found->entry, *offsets, shard_bytes.size());
    if (!agrees) return located(agrees.error());
  }
  const auto columns = columns_of(*offsets, shard_bytes, found->entry);
  if (!columns) return located(columns.error());
  auto rows = RowFields::open(path, options);
  if (!rows) return located(std::move(rows.error()));
  const std::uint64_t first_sample = found->entry == nullptr ? 0 : found->entry->first_sample;
  return std::make_shared<const MdsShard>(std::move(bytes.source), *offsets, *columns, first_sample,
                                          std::move(*rows), options);
}

}  // namespace millrace
