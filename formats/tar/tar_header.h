#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "millrace/formats/plain_text.h"

namespace millrace::tar {

/// A tar archive is a sequence of blocks of this size.
inline constexpr std::size_t kBlockBytes = 512;

using Bytes = std::span<const std::uint8_t>;

/// `bytes` rounded up to whole blocks. `bytes` must be below 2^63.
inline std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + (kBlockBytes - 1)) & ~std::uint64_t{kBlockBytes - 1};
}

/// The text before the first NUL.
std::string_view until_nul(std::string_view text);

bool all_zero(Bytes bytes);

/// A numeric field: octal text (POSIX; blanks around it, empty is 0) or, with the top bit set,
/// GNU's base-256. Nothing if it is neither, negative, or above 2^63 - 1.
std::optional<std::uint64_t> parse_number(Bytes field);

/// Decimal digits and nothing else, as PAX records hold. Nothing if empty or above 2^63 - 1.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

/// One header block, with the field offsets of POSIX.1-1988 ustar and of GNU tar's `tar.h`. A view.
class HeaderBlock {
 public:
  explicit HeaderBlock(std::span<const std::uint8_t, kBlockBytes> block) : block_(block) {}

  /// Whether the checksum is right, summed over unsigned bytes or, as old Sun and HP-UX tars did,
  /// over signed ones.
  bool checksum_matches() const;

  std::string_view name() const { return until_nul(as_text(block_.subspan(0, 100))); }
  /// ustar's directory part. Empty unless the magic says that the field is one: GNU tar keeps times
  /// and sparse maps there, v7 tars anything.
  std::string_view prefix() const;
  std::uint8_t type() const { return block_[156]; }
  std::optional<std::uint64_t> size() const { return parse_number(block_.subspan(124, 12)); }

  // Old GNU sparse headers ('S').
  Bytes sparse_entries() const { return block_.subspan(386, 4 * kSparseEntryBytes); }
  bool sparse_continues() const { return block_[482] != 0; }
  std::optional<std::uint64_t> sparse_real_size() const {
    return parse_number(block_.subspan(483, 12));
  }
  /// An entry is an offset and a length, 12 bytes each.
  static constexpr std::size_t kSparseEntryBytes = 24;
  static constexpr std::size_t kSparseExtensionEntries = 21;

 private:
  std::span<const std::uint8_t, kBlockBytes> block_;
};

}  // namespace millrace::tar
