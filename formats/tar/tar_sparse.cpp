#include "millrace/formats/tar/tar_sparse.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::tar {

namespace {

tl::unexpected<Error> bad_map(const char* what) {
  return fail(Reason::damaged_shard, std::string("sparse member: ") + what);
}

/// Takes the pieces of a sparse file one after the other and copies each to its place.
class Expansion {
 public:
  Expansion(Bytes stored, std::vector<std::uint8_t>& out) : stored_(stored), out_(out) {}

  /// False if the piece overlaps the one before or does not fit.
  bool add(std::uint64_t offset, std::uint64_t length) {
    if (offset < filled_ || offset > out_.size() || length > out_.size() - offset) return false;
    if (length > stored_.size() - used_) return false;
    const auto from = stored_.begin() + static_cast<std::ptrdiff_t>(used_);
    std::copy_n(from, length, out_.begin() + static_cast<std::ptrdiff_t>(offset));
    used_ += length;
    filled_ = offset + length;
    return true;
  }
  void set_stored(Bytes stored) { stored_ = stored; }

 private:
  Bytes stored_;
  std::vector<std::uint8_t>& out_;
  std::uint64_t used_ = 0;
  std::uint64_t filled_ = 0;
};

/// Decimal numbers with one separator after each; the last may lack it.
class NumberList {
 public:
  NumberList(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  std::optional<std::uint64_t> next() {
    const std::size_t end = std::min(rest_.find(separator_), rest_.size());
    const auto number = parse_decimal(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return number;
  }

 private:
  std::string_view rest_;
  char separator_;
};

/// False where the entries are malformed. Entries end at the first one that is empty.
bool add_old_gnu_entries(Bytes entries, Expansion& expansion, bool& ended) {
  for (std::size_t at = 0; at < entries.size() && !ended; at += HeaderBlock::kSparseEntryBytes) {
    const Bytes offset_field = entries.subspan(at, 12);
    const Bytes length_field = entries.subspan(at + 12, 12);
    if (length_field[0] == 0) {
      ended = true;
      continue;
    }
    const auto offset = parse_number(offset_field);
    const auto length = parse_number(length_field);
    if (!offset || !length || !expansion.add(*offset, *length)) return false;
  }
  return true;
}

bool expand_old_gnu(Bytes map, Expansion& expansion) {
  const HeaderBlock header(map.first<kBlockBytes>());
  bool ended = false;
  if (!add_old_gnu_entries(header.sparse_entries(), expansion, ended)) return false;
  for (std::size_t at = kBlockBytes; at < map.size(); at += kBlockBytes) {
    const std::size_t bytes = HeaderBlock::kSparseExtensionEntries * HeaderBlock::kSparseEntryBytes;
    if (!add_old_gnu_entries(map.subspan(at, bytes), expansion, ended)) return false;
  }
  return true;
}

bool expand_pax_0_0(Bytes records, Expansion& expansion) {
  PaxRecords walk(records);
  std::uint64_t offset = 0;
  bool has_offset = false;
  while (const auto record = walk.next()) {
    if (record->keyword == "GNU.sparse.offset") {
      const auto number = parse_decimal(record->value);
      if (!number) return false;
      offset = *number;
      has_offset = true;
    } else if (record->keyword == "GNU.sparse.numbytes") {
      const auto length = parse_decimal(record->value);
      if (!has_offset || !length || !expansion.add(offset, *length)) return false;
      has_offset = false;
    }
  }
  return !has_offset;
}

bool expand_pax_0_1(Bytes records, Expansion& expansion) {
  PaxRecords walk(records);
  std::string_view map;
  while (const auto record = walk.next()) {
    if (record->keyword == "GNU.sparse.map") map = record->value;
  }
  for (NumberList numbers(map, ','); !numbers.empty();) {
    const auto offset = numbers.next();
    const auto length = numbers.next();
    if (!offset || !length || !expansion.add(*offset, *length)) return false;
  }
  return true;
}

bool expand_pax_1_0(Bytes payload, Expansion& expansion) {
  const std::string_view text = as_text(payload);
  NumberList numbers(text, '\n');
  const auto count = numbers.next();
  // A pair takes at least four characters, which bounds the walk below.
  if (!count || *count > text.size() / 4 + 1) return false;
  // The pieces lie behind the map, so its end has to be found first.
  NumberList ahead = numbers;
  for (std::uint64_t i = 0; i < 2 * *count; ++i) {
    if (!ahead.next()) return false;
  }
  const std::uint64_t map_bytes = padded(text.size() - ahead.rest().size());
  if (map_bytes > payload.size()) return false;
  expansion.set_stored(payload.subspan(map_bytes));
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto offset = numbers.next();
    const auto length = numbers.next();
    if (!offset || !length || !expansion.add(*offset, *length)) return false;
  }
  return true;
}

}  // namespace

Result<void> expand_sparse(const Member& member, std::uint64_t max_bytes,
                           std::vector<std::uint8_t>& out) {
  if (member.sparse_real_size > max_bytes) {
    return fail(Reason::damaged_shard,
                "sparse member: expands to " + std::to_string(member.sparse_real_size) +
                    " bytes, more than the limit of " + std::to_string(max_bytes));
  }
  out.assign(member.sparse_real_size, 0);
  Expansion expansion(member.data, out);
  bool good = false;
  switch (member.sparse) {
    case SparseFormat::old_gnu:
      good = expand_old_gnu(member.sparse_map, expansion);
      break;
    case SparseFormat::pax_0_0:
      good = expand_pax_0_0(member.sparse_map, expansion);
      break;
    case SparseFormat::pax_0_1:
      good = expand_pax_0_1(member.sparse_map, expansion);
      break;
    case SparseFormat::pax_1_0:
      good = expand_pax_1_0(member.data, expansion);
      break;
    case SparseFormat::none:
      return bad_map("it is none");
  }
  if (!good) return bad_map("its map is malformed or does not fit the payload");
  return {};
}

}  // namespace millrace::tar
