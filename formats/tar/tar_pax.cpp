#include "millrace/formats/tar/tar_pax.h"

namespace millrace::tar {

std::optional<PaxRecord> PaxRecords::next() {
  // Some writers pad the payload with NULs.
  while (!malformed_ && !rest_.empty() && rest_.front() != '\0') {
    const std::size_t blank = rest_.find(' ');
    const auto length =
        blank == std::string_view::npos ? std::nullopt : parse_decimal(rest_.substr(0, blank));
    if (!length || *length > rest_.size() || *length < blank + 2 || rest_[*length - 1] != '\n') {
      malformed_ = true;
      return std::nullopt;
    }
    const std::string_view text = rest_.substr(blank + 1, *length - blank - 2);
    rest_.remove_prefix(*length);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    return PaxRecord{text.substr(0, equals), text.substr(equals + 1)};
  }
  return std::nullopt;
}

void Extensions::add_long_name(Bytes payload) {
  if (!name) name = until_nul(as_text(payload));
}

bool Extensions::add_pax(Bytes payload) {
  std::optional<std::string_view> path;
  std::optional<std::string_view> sparse_name;
  std::optional<std::uint64_t> payload_size;
  std::optional<std::uint64_t> real_size;
  bool has_map = false;
  bool has_offsets = false;
  bool major_1 = false;

  PaxRecords records(payload);
  while (const auto record = records.next()) {
    const auto& [keyword, value] = *record;
    if (keyword == "path") {
      path = value;
    } else if (keyword == "size") {
      payload_size = parse_decimal(value);
      if (!payload_size) return false;
    } else if (keyword.starts_with("GNU.sparse.")) {
      const std::string_view what = keyword.substr(sizeof("GNU.sparse.") - 1);
      if (what == "name") sparse_name = value;
      if (what == "map") has_map = true;
      if (what == "offset") has_offsets = true;
      if (what == "major") major_1 = value == "1";
      if (what == "size" || what == "realsize") {
        real_size = parse_decimal(value);
        if (!real_size) return false;
      }
    }
  }
  if (records.malformed()) return false;

  if (!name) name = sparse_name ? sparse_name : path;
  if (!size) size = payload_size;
  if (sparse == SparseFormat::none && real_size) {
    if (major_1) sparse = SparseFormat::pax_1_0;
    if (!major_1 && has_offsets) sparse = SparseFormat::pax_0_0;
    if (!major_1 && has_map) sparse = SparseFormat::pax_0_1;
    sparse_real_size = *real_size;
    sparse_records = payload;
  }
  return true;
}

}  // namespace millrace::tar
