#pragma once

#include <optional>
#include <string_view>

#include "millrace/formats/tar/tar_header.h"

namespace millrace::tar {

struct PaxRecord {
  std::string_view keyword;
  std::string_view value;  ///< may hold any byte, newlines and NULs too
};

/// The records of a PAX extended header (POSIX.1-2001 pax, "pax Extended Header"): each is
/// `LENGTH KEYWORD=VALUE\n`, where LENGTH counts the whole record. A view.
class PaxRecords {
 public:
  explicit PaxRecords(Bytes payload) : rest_(as_text(payload)) {}

  /// The next record; nothing at the end, or where the payload is malformed. A record without `=`
  /// but of right length says nothing and is passed over, as Python's tarfile does.
  std::optional<PaxRecord> next();

  /// Whether `next` stopped because a length does not fit the payload.
  bool malformed() const { return malformed_; }

 private:
  std::string_view rest_;
  bool malformed_ = false;
};

/// Which of the ways to write a sparse file a member uses.
enum class SparseFormat : std::uint8_t { none, old_gnu, pax_0_0, pax_0_1, pax_1_0 };

/// What the extension headers before a member (GNU `L`, PAX `x`, Solaris `X`) say about it.
/// Within one header the last record of a keyword counts; of several headers the first one that
/// speaks does, as in Python's tarfile.
struct Extensions {
  std::optional<std::string_view> name;
  std::optional<std::uint64_t> size;
  SparseFormat sparse = SparseFormat::none;
  std::uint64_t sparse_real_size = 0;
  Bytes sparse_records;  ///< the payload of the header that the sparse map is in

  void add_long_name(Bytes payload);
  /// False if the payload is malformed.
  bool add_pax(Bytes payload);
};

}  // namespace millrace::tar
