#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/formats/tar_header.h"
#include "millrace/formats/tar_pax.h"

namespace millrace::tar {

/// One member of an archive. Views into the archive and into the reader: `name` holds until the
/// reader's next step.
struct Member {
  std::string_view name;  ///< bytes as they stand; UTF-8 is usual and not demanded
  bool is_file = false;   ///< false for folders, links, devices, fifos and unknown types
  /// The first header of the member (an extension header, if it has any) and the end of its padded
  /// payload.
  std::uint64_t begin_bytes = 0;
  std::uint64_t end_bytes = 0;
  Bytes data;  ///< the payload as stored; of a sparse file its map and its non-empty pieces

  // Of sparse files; see `expand_sparse`.
  SparseFormat sparse = SparseFormat::none;
  std::uint64_t sparse_real_size = 0;
  Bytes sparse_map;  ///< PAX records, or the 'S' header and its extension blocks
};

enum class Event : std::uint8_t {
  member,
  end_marker,       ///< a block of zeros; `position` is where it begins
  damaged_header,   ///< whatever follows cannot be told apart
  damaged_payload,  ///< the member is known, but its payload or padding is cut short
};

/// Walks a tar archive: v7, ustar, GNU (long names, base-256 numbers, sparse files), PAX, Solaris.
/// Touches headers only and copies nothing but names that ustar splits in two. Strict: a checksum
/// that does not match, a number that is none, a malformed PAX record and a cut are damage.
///
/// Global PAX headers are passed over. In shards they carry comments (`git archive` writes the
/// commit's id); a global path or size would give every member the same one, and it would make what
/// a member is depend on where reading began.
class Reader {
 public:
  /// Begins at `position`, which must be that of a header.
  Reader(Bytes archive, std::uint64_t position) : archive_(archive), position_(position) {}

  /// After anything but Event::member only the accessors may be used.
  Event next(Member& member);

  std::uint64_t position() const { return position_; }
  /// What is wrong, after damage.
  const std::string& damage() const { return damage_; }

 private:
  Event damaged_header(std::string message);
  bool add_extension(std::uint8_t type, Bytes payload, Extensions& extensions);
  std::string_view full_name(const HeaderBlock& header);
  Event finish(const HeaderBlock& header, const Extensions& extensions, std::uint64_t size,
               Member& member);
  std::uint64_t payload_of_non_file(std::uint64_t data_begin, std::uint64_t size) const;
  bool header_or_end_at(std::uint64_t position) const;

  Bytes archive_;
  std::uint64_t position_;
  std::array<char, 256> joined_name_;
  std::string damage_;
};

/// How many bytes after the end marker at `position` were not read although they hold members (a
/// block with a right checksum); 0 if nothing or only noise follows.
std::uint64_t lost_after_end_marker(Bytes archive, std::uint64_t position);

/// Whether the archive begins with a header whose checksum is right.
bool begins_like_tar(Bytes archive);

}  // namespace millrace::tar
